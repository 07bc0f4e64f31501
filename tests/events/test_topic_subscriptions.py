"""Subscriptions of topics, and how what is posted reaches them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events import topics
from events.models import Delivery, DeliveryAttempt, Event, Subscription
from events.own_topics import GRANT_LOST
from events.record import record_instance_event
from instances import provision
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Receiver, Reply

API = "/elements/api-v2/notifications"


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


def subscribe(client: APIClient, url: str, *names: str, **config: str) -> dict[str, Any]:
    body = {"channel": "webhook", "topics": list(names), "config": {"url": url, **config}}
    answer = client.post(f"{API}/subscriptions", body, format="json")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def notify(client: APIClient, topic: str = "disk") -> int:
    body = {"topic": topic, "message": "It is full"}
    return int(client.post(API, body, format="json").json()["id"])


@pytest.mark.django_db
def test_what_is_subscribed_is_answered_and_read_again(
    client: APIClient, receiver: Receiver
) -> None:
    body = subscribe(client, receiver.url, "disk", "memory", signatureKey="a-key")

    assert (body["channel"], body["topics"]) == ("webhook", ["disk", "memory"])
    assert body["config"] == {"url": receiver.url}
    assert body["active"] is True
    assert client.get(f"{API}/subscriptions/{body['id']}").json() == body
    again = subscribe(client, receiver.url, "disk", "memory")
    assert again["id"] != body["id"]
    listed = client.get(f"{API}/subscriptions")
    assert [one["id"] for one in listed.json()] == [again["id"], body["id"]]
    assert listed["Elements-Total-Count"] == "2"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"channel": None}, "channel is missing"),
        ({"channel": "sms"}, "channel must be one of webhook, email, queue"),
        ({"channel": "push"}, "channel must be one of webhook, email, queue"),
        ({"topics": None}, "topics must be a list of at least one"),
        ({"topics": []}, "topics must be a list of at least one"),
        ({"topics": [" "]}, "topics must be a list of at least one"),
        ({"topics": "disk"}, "topics must be a list of strings"),
        ({"topics": ["disk", 7]}, "topics[1] must be a string"),
        ({"topics": ["instance.events"]}, "topics: instance.events go to"),
        ({"config": None}, "config is missing"),
        ({"config": "url"}, "config must be a JSON object"),
        ({"config": {"url": None}}, "config.url is missing"),
        ({"config": {"url": 5}}, "config.url must be a string"),
        ({"config": {"url": "ftp://127.0.0.1/"}}, "config.url: "),
        ({"config": {"url": "mailto:user@example.com"}}, "config.url: "),
        ({"config": {"url": "http://10.0.0.1/"}}, "config.url: "),
    ],
)
def test_what_cannot_be_subscribed_is_400_and_named(
    client: APIClient, change: dict[str, Any], named: str
) -> None:
    body = {"channel": "webhook", "topics": ["disk"], "config": {"url": "http://127.0.0.1:9/"}}
    answer = client.post(f"{API}/subscriptions", {**body, **change}, format="json")
    assert answer.status_code == 400, answer.content
    assert answer.json()["message"].startswith(named)
    assert not Subscription.objects.exists()


@pytest.mark.django_db
def test_an_empty_body_is_400(client: APIClient) -> None:
    assert client.post(f"{API}/subscriptions", {}, format="json").status_code == 400


@pytest.mark.django_db
def test_an_organization_has_so_many_at_most(
    client: APIClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "MOST_SUBSCRIPTIONS", 1)
    subscribe(client, receiver.url, "disk")
    body = {"channel": "webhook", "topics": ["disk"], "config": {"url": receiver.url}}
    answer = client.post(f"{API}/subscriptions", body, format="json")
    assert answer.status_code == 409


@pytest.mark.django_db
def test_a_notification_reaches_the_subscriptions_of_its_topic_signed(
    client: APIClient, new_receiver: Callable[[], Receiver]
) -> None:
    first, second, other = (new_receiver() for _ in range(3))
    signed = subscribe(client, first.url, "memory", "disk", signatureKey="a-key")
    subscribe(client, second.url, "disk")
    subscribe(client, other.url, "memory")
    foreign = Subscription.objects.create(
        organization=new_instance().organization, topics=["disk"], url=other.url
    )

    notification = notify(client)
    before = client.get(f"{API}/{notification}/subscriptions/deliveries").json()
    deliver_all_due()
    after = client.get(f"{API}/{notification}/subscriptions/{signed['id']}/deliveries").json()

    assert [one["status"] for one in before] == ["created", "created"]
    assert all("updatedDate" not in one for one in before)
    assert (after["notificationId"], after["status"]) == (notification, "delivered")
    assert after["updatedDate"]
    (arrived,) = first.received
    assert json.loads(arrived.body)["message"] == "It is full"
    assert json.loads(arrived.body)["id"] == notification
    assert "elements-webhook-signature" in arrived.headers
    assert "elements-webhook-signature" not in second.received[0].headers
    assert other.received == []
    assert not foreign.deliveries.exists()
    assert statuses() == ["NOTIFIED"]


@pytest.mark.django_db
def test_a_failing_one_is_tried_again_and_the_notification_is_not_done_before(
    client: APIClient, new_receiver: Callable[[], Receiver]
) -> None:
    sound, failing = new_receiver(), new_receiver()
    failing.always(500)
    for one in (sound, failing):
        subscribe(client, one.url, "disk")
    notification = notify(client)
    deliver_all_due()
    states = client.get(f"{API}/{notification}/subscriptions/deliveries").json()
    assert [one["status"] for one in states] == ["delivered", "retry"]
    assert statuses() == ["DISPATCHED"]

    failing.always(200)
    Delivery.objects.update(next_attempt_at=timezone.now())
    deliver_all_due()
    assert statuses() == ["NOTIFIED"]


@pytest.mark.django_db
def test_deliveries_hold_notification_and_subscription_when_asked(
    client: APIClient, receiver: Receiver
) -> None:
    subscription = subscribe(client, receiver.url, "disk")
    notification = notify(client)
    base = f"{API}/{notification}/subscriptions"

    for path in (f"{base}/deliveries", f"{API}/subscriptions/deliveries"):
        (plain,) = client.get(path).json()
        assert "notification" not in plain
        (full,) = client.get(path, {"hydrate": "true"}).json()
        assert full["subscription"] == subscription
        assert full["notification"] == client.get(f"{API}/{notification}").json()
    one = client.get(f"{base}/{subscription['id']}/deliveries", {"hydrate": "true"}).json()
    assert one == full
    assert client.get(f"{base}/deliveries", {"hydrate": "perhaps"}).status_code == 400


@pytest.mark.django_db
def test_a_lost_grant_is_told_to_those_who_subscribed_to_it(
    client: APIClient, organization: NewOrganization, receiver: Receiver
) -> None:
    instance = new_instance(organization.organization)
    subscribe(client, receiver.url, GRANT_LOST)
    with transaction.atomic():
        record_instance_event(instance, GRANT_LOST, {"reason": "revoked"}, timezone.now())
    deliver_all_due()

    (arrived,) = receiver.received
    assert json.loads(arrived.body)["message"]["topic"] == GRANT_LOST
    (listed,) = client.get(API, {"topics[]": GRANT_LOST}).json()
    assert (listed["severity"], listed["from"]) == ("high", "Mailbox")
    assert (listed["instanceId"], "connected again" in listed["message"]) == (instance.pk, True)


@pytest.mark.django_db
def test_unsubscribing_removes_what_was_to_be_sent(
    client: APIClient, new_receiver: Callable[[], Receiver]
) -> None:
    kept, gone = new_receiver(), new_receiver()
    gone.always(500)
    subscribe(client, kept.url, "disk")
    leaving = subscribe(client, gone.url, "disk")
    alone = subscribe(client, gone.url, "memory")
    both, only = notify(client), notify(client, "memory")
    deliver_all_due()

    for one in (leaving, alone):
        answer = client.delete(f"{API}/subscriptions/{one['id']}")
        assert (answer.status_code, answer.content) == (200, b"")

    assert client.get(f"{API}/subscriptions/{leaving['id']}").status_code == 404
    assert Delivery.objects.count() == DeliveryAttempt.objects.count() == 1
    # What nothing waits for any more can be removed when it is old.
    assert statuses(both) == ["NOTIFIED"]
    assert statuses(only) == ["NEW"]


@pytest.mark.django_db
def test_an_instances_subscription_is_read_and_follows_its_configuration(
    client: APIClient, organization: NewOrganization, receiver: Receiver
) -> None:
    instance = new_instance(organization.organization, url=receiver.url)
    key = Subscription.objects.get().pk
    body = client.get(f"{API}/subscriptions/{key}").json()
    assert body["topics"] == ["instance.events"]
    assert (body["instanceId"], body["config"]["url"]) == (instance.pk, receiver.url)
    assert client.delete(f"{API}/subscriptions/{key}").status_code == 409
    assert client.get(f"{API}/subscriptions").json() == []
    assert record(instance)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/subscriptions", "/subscriptions/deliveries", "/subscriptions/deliveries?hydrate=true"],
)
def test_lists_take_as_many_queries_for_many_as_for_one(
    client: APIClient, receiver: Receiver, path: str
) -> None:
    subscribe(client, receiver.url, "disk")
    notify(client)
    with CaptureQueriesContext(connection) as one:
        client.get(API + path)
    for _ in range(10):
        subscribe(client, receiver.url, "disk")
    notify(client)
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(API + path).json()) > 10
    assert len(many) == len(one)


def delete_while_attempted(receiver: Receiver, delete: Callable[[], object]) -> None:
    """Runs `delete` while the receiver has the notification and hasn't answered yet."""

    def answer(_: Any) -> Reply:
        worker = threading.Thread(target=_closing(delete))
        worker.start()
        worker.join()
        return Reply(200)

    receiver.answer = answer
    deliver_all_due()


def _closing(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    return run


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["notification", "subscription", "instance"])
def test_deleting_in_the_middle_of_a_delivery_leaves_nothing_behind(
    client: APIClient, organization: NewOrganization, receiver: Receiver, what: str
) -> None:
    subscription = subscribe(client, receiver.url, GRANT_LOST if what == "instance" else "disk")
    if what == "instance":
        instance = new_instance(organization.organization)
        with transaction.atomic():
            record_instance_event(instance, GRANT_LOST, {"reason": "revoked"}, timezone.now())
        delete_while_attempted(
            receiver, lambda: provision.delete(organization.organization, instance.pk)
        )
    else:
        number = notify(client)
        path = f"/{number}" if what == "notification" else f"/subscriptions/{subscription['id']}"
        delete_while_attempted(receiver, lambda: client.delete(API + path))

    assert len(receiver.received) == 1
    assert not Delivery.objects.exists()
    assert not DeliveryAttempt.objects.exists()
    assert Event.objects.filter(status="DISPATCHED").count() == 0
    assert Subscription.objects.count() == (0 if what == "subscription" else 1)
