"""A recorded event reaches the callback URL, and its delivery says what happened."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from asgiref.sync import async_to_sync
from pytest_django.fixtures import Settings

from accounts.models import Account
from events import attempt as attempts
from events.models import Delivery, DeliveryAttempt, Event, Subscription
from instances.configuration import callback_url
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Notification, Receiver, Reply
from transport.guard import AddressGuard

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_event_arrives_with_its_body_and_headers(receiver: Receiver) -> None:
    (event_id,) = record(new_instance(url=receiver.url), 3)

    deliver_all_due()

    (arrived,) = receiver.received
    event = Event.objects.get(pk=event_id)
    assert arrived.body.decode() == event.body
    assert json.loads(arrived.body)["message"]["eventId"] == event_id
    assert arrived.headers["content-type"] == "application/json;charset=UTF-8"
    assert arrived.headers["elements-webhook-id"] == arrived.headers["webhook-id"]
    assert arrived.headers["elements-webhook-signature"].startswith("sha256=")
    assert statuses() == ["NOTIFIED"]
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.number, attempt.status_code, attempt.response_excerpt) == (1, 200, "ok")
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.lease_id, delivery.attempts_made) == ("delivered", None, 1)


def test_without_a_signature_key_nothing_is_signed(receiver: Receiver) -> None:
    record(new_instance(url=receiver.url, key=""))

    deliver_all_due()

    (arrived,) = receiver.received
    assert arrived.webhook_id.startswith("msg_")
    assert "elements-webhook-signature" not in arrived.headers
    assert "webhook-signature" not in arrived.headers


def test_a_delivered_event_is_not_sent_again(receiver: Receiver) -> None:
    record(new_instance(url=receiver.url))
    deliver_all_due()

    deliver_all_due()

    assert len(receiver.received) == 1


def test_many_events_of_one_instance_all_arrive_ten_at_a_time(receiver: Receiver) -> None:
    events = record(new_instance(url=receiver.url), 2_000)

    deliver_all_due()

    assert len(set(receiver.ids())) == len(receiver.received) == len(events) == 200
    assert receiver.most_at_once <= 10
    assert set(statuses()) == {"NOTIFIED"}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(receiver: Receiver, status: int) -> None:
    receiver.always(status, body=b"")
    record(new_instance(url=receiver.url))

    deliver_all_due()

    assert Delivery.objects.get().status == "delivered"


@pytest.mark.parametrize("status", [199 + 101, 302, 400, 404, 500, 599])
def test_every_other_status_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.always(status, headers={"Location": receiver.url}, body=b"<h1>sorry</h1>\0")
    record(new_instance(url=receiver.url))

    deliver_all_due()

    assert len(receiver.received) == 1  # a redirect is not followed
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.status_code, attempt.error) == (status, f"answered {status}")
    assert attempt.response_excerpt == "<h1>sorry</h1>\N{REPLACEMENT CHARACTER}"
    assert Delivery.objects.get().status == "retry"
    assert statuses() == ["DISPATCHED"]


def test_a_long_answer_is_kept_in_part(receiver: Receiver) -> None:
    receiver.always(500, body=b"x" * 1_000_000)
    record(new_instance(url=receiver.url))

    deliver_all_due()

    assert DeliveryAttempt.objects.get().response_excerpt == "x" * 1_000


def test_a_receiver_that_hangs_or_cuts_or_is_not_there_is_a_failure(
    new_receiver: Callable[[], Receiver],
) -> None:
    hanging, cutting = new_receiver(), new_receiver()
    hanging.always(hang=True)
    cutting.always(cut=True)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        absent = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        instances = [new_instance(url=url) for url in (hanging.url, cutting.url, absent)]
        record(instances[0])
        deliver_all_due(attempt_within=0.3)
        for instance in instances[1:]:
            record(instance)
        deliver_all_due()

    errors = [
        DeliveryAttempt.objects.get(delivery__subscription__instance=instance).error
        for instance in instances
    ]
    assert errors == [
        "no answer within 0.3 seconds",
        "the connection was cut",
        "the connection was refused or could not be made",
    ]
    assert len(cutting.received) == 1


def test_an_address_that_is_not_public_is_not_called(
    receiver: Receiver, settings: Settings
) -> None:
    settings.ALLOWED_PRIVATE_NETWORKS = []
    record(new_instance(url=receiver.url))

    deliver_all_due()

    assert receiver.received == []
    attempt = DeliveryAttempt.objects.get()
    assert attempt.error.startswith("not sent: 127.0.0.1 leads to an address that is not public")
    assert Delivery.objects.get().status == "retry"


def test_nobody_learns_by_a_callback_which_names_the_servers_own_network_has() -> None:
    """A name that leads to a private address is told of as one that leads nowhere."""

    def resolve(host: str, port: int) -> list[str]:
        if host == "database.internal":
            return ["10.0.0.5"]
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    async def said(host: str) -> str:
        async with attempts.open_sessions(AddressGuard(resolve=resolve)) as sessions:
            return (await attempts.send(sessions, f"https://{host}/", b"{}", {}, {}, 5.0)).error

    names = ("database.internal", "nothing.internal")
    assert len({async_to_sync(said)(host) for host in names}) == 1
    assert [callback_url(f"https://{host}/") for host in names] == [
        f"https://{host}/" for host in names
    ]


def test_retries_come_at_the_documented_times_under_one_webhook_id(receiver: Receiver) -> None:
    receiver.always(500)
    with time_machine.travel(START, tick=False) as clock:
        record(new_instance(url=receiver.url))
        deliver_all_due()
        for retry in range(1, 10):
            due = START + timedelta(seconds=4**retry)
            clock.move_to(due - timedelta(seconds=1))
            deliver_all_due()
            assert len(receiver.received) == retry, "too early"
            clock.move_to(due + timedelta(seconds=min(4**retry * 0.05, 300) + 1))
            deliver_all_due()
            assert len(receiver.received) == retry + 1

    assert len(set(receiver.ids())) == 1
    timestamps = [int(one.headers["webhook-timestamp"]) for one in receiver.received]
    assert timestamps == sorted(set(timestamps))  # each of its own attempt
    assert len({one.body for one in receiver.received}) == 1
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts_made) == ("queued", 10)
    assert list(delivery.attempts.order_by("number").values_list("number", flat=True)) == list(
        range(1, 11)
    )
    subscription = Subscription.objects.get()
    assert not subscription.active
    assert "answered 500" in subscription.deactivation_reason


def test_a_retry_that_succeeds_ends_it(receiver: Receiver) -> None:
    replies = iter([Reply(503), Reply(200)])
    receiver.answer = lambda _: next(replies)
    with time_machine.travel(START, tick=False) as clock:
        record(new_instance(url=receiver.url))
        deliver_all_due()
        assert Subscription.objects.get().failing_since == START
        clock.shift(5)
        deliver_all_due()

    assert Delivery.objects.get().status == "delivered"
    assert Subscription.objects.get().failing_since is None


def test_retry_after_is_honoured_when_it_is_later(receiver: Receiver) -> None:
    receiver.always(429, headers={"Retry-After": "600"})
    with time_machine.travel(START, tick=False):
        record(new_instance(url=receiver.url))
        deliver_all_due()

    assert Delivery.objects.get().next_attempt_at == START + timedelta(seconds=600)


def test_410_turns_the_subscription_off_and_queues_all_that_waits(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    record(instance, 300)
    receiver.answer = lambda _: Reply(410)

    deliver_all_due()

    assert len(receiver.received) <= 10
    assert set(Delivery.objects.values_list("status", flat=True)) == {"queued"}
    assert not Delivery.objects.filter(lease_id__isnull=False).exists()
    subscription = Subscription.objects.get()
    assert (subscription.active, subscription.deactivation_reason) == (
        False,
        "the receiver answered 410 Gone",
    )
    record(instance)
    assert Delivery.objects.latest("id").status == "queued"


def test_under_the_queue_policy_the_first_failure_queues(receiver: Receiver) -> None:
    receiver.always(500)
    instance = new_instance(url=receiver.url)
    Account.objects.filter(users=instance.user).update(failure_policy="queue")
    record(instance)

    deliver_all_due()

    assert Delivery.objects.get().status == "queued"
    assert Subscription.objects.get().active


def test_a_delivery_left_pending_below_a_subscription_that_is_off_is_queued_unsent(
    receiver: Receiver,
) -> None:
    record(new_instance(url=receiver.url))
    Subscription.objects.update(active=False)

    deliver_all_due()

    assert receiver.received == []
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts_made, delivery.lease_id) == ("queued", 0, None)


def test_an_instance_deleted_during_the_attempt_leaves_nothing_behind(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    record(instance)

    def gone(_: Notification) -> Reply:
        return Reply(200)

    receiver.answer = gone
    deliver_all_due()
    instance.delete()

    assert not Delivery.objects.exists()
    assert not DeliveryAttempt.objects.exists()
