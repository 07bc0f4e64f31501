"""PUT /notifications/subscriptions/deliveries: what was queued is sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events import redeliver, subscriptions_api
from events.models import Delivery, Subscription
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
DELIVERIES = "/elements/api-v2/notifications/subscriptions/deliveries"
QUEUED = "channel='webhook' and status='queued'"


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


@pytest.fixture
def gone(organization: NewOrganization, receiver: Receiver) -> Receiver:
    """A receiver that said 410, which turned the subscription off and queued two events."""
    instance = new_instance(organization.organization, url=receiver.url)
    receiver.always(410)
    record(instance)
    deliver_all_due()
    record(instance)
    assert not Subscription.objects.get().active
    receiver.received.clear()
    receiver.always(200)
    return receiver


def asked(client: APIClient, where: str, method: str = "get") -> Any:
    query = client.get(DELIVERIES, {"where": where}) if method == "get" else None
    return query or client.put(f"{DELIVERIES}?where={where.replace(' ', '%20')}")


def test_what_is_queued_is_listed_and_sent_again(client: APIClient, gone: Receiver) -> None:
    listed = asked(client, QUEUED).json()
    answer = asked(client, QUEUED, "put")
    deliver_all_due()

    assert [one["status"] for one in listed] == ["queued", "queued"]
    assert answer.status_code == 200
    assert [one["id"] for one in answer.json()] == [one["id"] for one in listed]
    assert {one["status"] for one in answer.json()} == {"created"}
    assert answer["Elements-Total-Count"] == "2"
    assert len(gone.received) == 2
    assert set(gone.ids()) == {one["webhookId"] for one in listed}
    subscription = Subscription.objects.get()
    assert (subscription.active, subscription.deactivation_reason) == (True, "")
    assert asked(client, QUEUED).json() == []
    assert len(asked(client, "STATUS = 'delivered'").json()) == 2


def test_by_url(
    client: APIClient, gone: Receiver, organization: NewOrganization, new_receiver: Any
) -> None:
    other: Receiver = new_receiver()
    instance = new_instance(organization.organization, url=other.url)
    Subscription.objects.filter(instance=instance).update(active=False)
    record(instance)

    assert len(asked(client, QUEUED).json()) == 3
    by_url = f"{QUEUED} and config.url='{other.url}'"
    assert len(asked(client, by_url).json()) == 1
    assert asked(client, by_url, "put")["Elements-Total-Count"] == "1"
    deliver_all_due()

    assert len(other.received) == 1
    assert gone.received == []
    assert Subscription.objects.filter(active=False).count() == 1


def test_another_organizations_stay_as_they_are(client: APIClient, receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    Subscription.objects.update(active=False)
    record(instance)

    assert asked(client, QUEUED).json() == []
    assert asked(client, QUEUED, "put").json() == []
    assert Delivery.objects.get().status == "queued"
    assert not Subscription.objects.get().active


def test_one_without_a_url_stays_queued(client: APIClient, gone: Receiver) -> None:
    Subscription.objects.update(url="")
    assert asked(client, QUEUED, "put")["Elements-Total-Count"] == "0"
    assert not Subscription.objects.get().active


def test_what_has_arrived_is_sent_again_only_where_the_status_is_asked_for(
    client: APIClient, gone: Receiver
) -> None:
    asked(client, QUEUED, "put")
    deliver_all_due()
    assert asked(client, "channel='webhook'", "put").json() == []
    assert len(asked(client, "status='delivered'", "put").json()) == 2
    deliver_all_due()
    assert len(gone.received) == 4
    assert len(set(gone.ids())) == 2


def test_very_many_are_sent_again_bit_by_bit(
    client: APIClient, gone: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (redeliver, subscriptions_api):
        monkeypatch.setattr(module, "MOST_SENT_AGAIN", 1)
    first = asked(client, QUEUED, "put")
    assert first["Elements-Total-Count"] == "1"
    assert first["Elements-Error"].startswith("1 were sent again: ask again for the rest")
    assert Delivery.objects.filter(status="queued").count() == 1


@pytest.mark.parametrize(
    "where",
    [
        "status='lost'",
        "channel='sms'",
        "config.url",
        "password='x'",
        "status='queued' or 1=1",
        "status='queued' -- all",
        "(status='queued'",
        "status=lower('QUEUED')",
        "status in (select status from events_delivery)",
        "notificationId='x'",
        "createdDate>'soon'",
    ],
)
@pytest.mark.parametrize("method", ["get", "put"])
def test_what_cannot_be_asked_is_400(client: APIClient, where: str, method: str) -> None:
    answer = asked(client, where, method)
    assert answer.status_code == 400, answer.content
    assert answer.json()["message"]


def test_nothing_is_sent_again_without_a_condition(client: APIClient, gone: Receiver) -> None:
    answer = client.put(DELIVERIES)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("where is missing")
    assert Delivery.objects.filter(status="queued").count() == 2


def test_pages_hold_and_are_newest_first(
    client: APIClient, organization: NewOrganization, new_receiver: Callable[[], Receiver]
) -> None:
    instance = new_instance(organization.organization, url=new_receiver().url)
    record(instance, 50)
    first = client.get(DELIVERIES, {"pageSize": "3"})
    record(instance, 10)
    second = client.get(
        DELIVERIES, {"pageSize": "3", "nextPage": first["Elements-Next-Page-Token"]}
    )
    ids = [one["id"] for one in first.json() + second.json()]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
