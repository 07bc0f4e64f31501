"""Receivers that fetch what is queued, and switching a callback off and on again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events.models import Delivery, Event, Subscription
from events.subscription import follow_configuration
from instances import configuration
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
DELIVERIES = f"{API}/notifications/subscriptions/deliveries"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


@pytest.fixture
def instance(organization: NewOrganization, receiver: Receiver) -> ElementInstance:
    return new_instance(organization.organization, url=receiver.url)


def configure(instance: ElementInstance, **values: str) -> None:
    stored = {**configuration.stored(instance), **values}
    configuration.keep(instance, configuration.element_of(instance), stored)
    instance.save()
    follow_configuration(instance)


# --- Fetching ------------------------------------------------------------------------------------


def fetched(client: APIClient, instance: ElementInstance, **query: Any) -> Any:
    return client.get(f"{API}/instances/{instance.pk}/events/queue", query)


def acknowledge(client: APIClient, instance: ElementInstance, *ids: str) -> Any:
    path = f"{API}/instances/{instance.pk}/events/queue/acknowledge"
    return client.put(path, {"webhookIds": ids}, format="json")


@pytest.fixture
def behind_nat(organization: NewOrganization) -> ElementInstance:
    """An instance whose events are fetched."""
    instance = new_instance(organization.organization)
    configure(instance, **{configuration.NOTIFICATION_TYPE: "queue"})
    return instance


def test_events_are_fetched_oldest_first_until_they_are_acknowledged(
    client: APIClient, behind_nat: ElementInstance
) -> None:
    events = record(behind_nat, 30)
    deliver_all_due()

    page = fetched(client, behind_nat, pageSize=2)
    assert [one["notificationId"] for one in page.json()] == events[:2]
    assert page["Elements-Total-Count"] == "3"
    assert page.json()[0]["body"] == json.loads(Event.objects.get(pk=events[0]).body)
    assert fetched(client, behind_nat, pageSize=2).json() == page.json()

    ids = [one["webhookId"] for one in page.json()]
    assert acknowledge(client, behind_nat, *ids, "msg_unknown").json() == {"acknowledged": 2}
    assert acknowledge(client, behind_nat, *ids).json() == {"acknowledged": 0}
    assert [one["notificationId"] for one in fetched(client, behind_nat).json()] == events[2:]
    assert statuses(events[0]) == ["NOTIFIED"]
    assert statuses(events[2]) == ["DISPATCHED"]


def test_what_is_fetched_is_never_sent_not_even_on_demand(
    client: APIClient, behind_nat: ElementInstance, receiver: Receiver
) -> None:
    configure(behind_nat, **{configuration.EVENTS_CALLBACK_URL: receiver.url})
    record(behind_nat)
    assert client.put(f"{DELIVERIES}?where=status='queued'")["Elements-Total-Count"] == "0"
    assert client.put(f"{API}/instances/{behind_nat.pk}/events/active").status_code == 409
    deliver_all_due()
    assert receiver.received == []
    assert len(fetched(client, behind_nat).json()) == 1


def test_a_receiver_that_can_be_called_again_is_called(
    client: APIClient, behind_nat: ElementInstance, receiver: Receiver
) -> None:
    record(behind_nat)
    configure(
        behind_nat,
        **{
            configuration.NOTIFICATION_TYPE: "webhook",
            configuration.EVENTS_CALLBACK_URL: receiver.url,
        },
    )
    record(behind_nat)
    deliver_all_due()
    assert len(receiver.received) == 1
    assert client.put(f"{DELIVERIES}?where=status='queued'")["Elements-Total-Count"] == "1"
    deliver_all_due()
    assert len(receiver.received) == 2


def test_what_waits_when_fetching_begins_is_fetched(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    record(instance)
    configure(
        instance,
        **{
            configuration.NOTIFICATION_TYPE: "queue",
            configuration.EVENTS_CALLBACK_URL: receiver.url,
        },
    )
    deliver_all_due()
    assert receiver.received == []
    assert len(fetched(client, instance).json()) == 1


def test_another_instances_are_not_acknowledged(
    client: APIClient, organization: NewOrganization, behind_nat: ElementInstance
) -> None:
    record(behind_nat)
    (one,) = fetched(client, behind_nat).json()
    other = new_instance(organization.organization)
    assert acknowledge(client, other, one["webhookId"]).json() == {"acknowledged": 0}
    assert fetched(client, other).json() == []


@pytest.mark.parametrize("body", [{}, {"webhookIds": "msg"}, {"webhookIds": ["x"] * 2_001}, []])
def test_an_acknowledgement_that_names_nothing_is_400(
    client: APIClient, behind_nat: ElementInstance, body: Any
) -> None:
    path = f"{API}/instances/{behind_nat.pk}/events/queue/acknowledge"
    assert client.put(path, body, format="json").status_code == 400


def test_topics_are_fetched_too(client: APIClient) -> None:
    body: dict[str, Any] = {"channel": "queue", "topics": ["t"], "config": {}}
    made = client.post(f"{API}/notifications/subscriptions", body, format="json").json()
    client.post(f"{API}/notifications", {"topic": "t", "message": "m"}, format="json")
    path = f"{API}/notifications/subscriptions/{made['id']}/queue"
    (one,) = client.get(path).json()
    assert one["body"]["message"] == "m"
    answer = client.put(f"{path}/acknowledge", {"webhookIds": [one["webhookId"]]}, format="json")
    assert answer.json() == {"acknowledged": 1}
    assert client.get(path).json() == []


# --- Off and on again ----------------------------------------------------------------------------


def test_off_queues_and_on_sends_what_is_asked_for(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    path = f"{API}/instances/{instance.pk}/events/active"
    record(instance)
    assert client.delete(path).status_code == 200
    record(instance)
    deliver_all_due()
    assert receiver.received == []
    assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}
    assert Subscription.objects.get().deactivation_reason == "switched off over the API"

    assert client.put(path).json() == {"active": True, "sentAgain": 0}
    record(instance)
    deliver_all_due()
    assert len(receiver.received) == 1
    assert client.put(f"{path}?queued=true").json() == {"active": True, "sentAgain": 2}
    deliver_all_due()
    assert len(receiver.received) == 3


def test_a_subscription_of_topics_is_switched(client: APIClient, receiver: Receiver) -> None:
    body = {"channel": "webhook", "topics": ["t"], "config": {"url": receiver.url}}
    made = client.post(f"{API}/notifications/subscriptions", body, format="json").json()
    path = f"{API}/notifications/subscriptions/{made['id']}/active"
    client.delete(path)
    client.post(f"{API}/notifications", {"topic": "t", "message": "m"}, format="json")
    deliver_all_due()
    assert receiver.received == []
    assert client.put(f"{path}?queued=true").json()["sentAgain"] == 1
    deliver_all_due()
    assert len(receiver.received) == 1


def test_without_a_url_there_is_nothing_to_switch(
    client: APIClient, organization: NewOrganization
) -> None:
    bare = new_instance(organization.organization)
    for method in (client.put, client.delete):
        assert method(f"{API}/instances/{bare.pk}/events/active").status_code == 409


# --- Sending again by filter ---------------------------------------------------------------------


def again(client: APIClient, where: str) -> int:
    answer = client.put(f"{DELIVERIES}?where={where.replace(' ', '%20')}")
    assert answer.status_code == 200, answer.content
    return int(answer["Elements-Total-Count"])


def test_what_has_arrived_in_a_time_is_sent_again_under_its_old_ids(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            record(instance)
            clock.shift(3600)
        deliver_all_due()
        ids = receiver.ids()
        middle = Delivery.objects.order_by("id")[1]
        receiver.received.clear()
        where = "createdDate>'2026-03-01T12:30:00Z' and createdDate<'2026-03-01T13:30:00Z'"

        assert again(client, where) == 0  # what has arrived is sent again on demand only
        assert again(client, f"status='delivered' and {where}") == 1
        assert statuses(middle.event_id) == ["DISPATCHED"]
        deliver_all_due()

    assert receiver.ids() == [middle.webhook_id]
    assert middle.webhook_id in ids
    assert set(statuses()) == {"NOTIFIED"}
    assert middle.attempts.count() == 2


def test_by_event_object_type_and_instance(
    client: APIClient, organization: NewOrganization, instance: ElementInstance, receiver: Receiver
) -> None:
    other = new_instance(organization.organization, url=receiver.url)
    (event,) = record(instance)
    record(instance)
    record(other)
    deliver_all_due()
    sent = "status='delivered'"
    assert again(client, f"{sent} and eventId={event}") == 1
    deliver_all_due()
    assert again(client, f"{sent} and objectType='changed-messages'") == 3
    deliver_all_due()
    assert again(client, f"{sent} and objectType='other'") == 0
    assert again(client, f"{sent} and instanceId={other.pk}") == 1
    assert again(client, f"{sent} and updatedDate>'{(NOW + timedelta(days=9999)).date()}'") == 0
