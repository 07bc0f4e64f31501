"""An instance may ask that a later event of an object is never delivered before an earlier one."""

from __future__ import annotations

import json
import signal
import threading
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import Account
from elements.calls import Change, ChangeType
from events import fetch
from events.claim import LEASE
from events.models import Delivery, Event, Subscription
from events.redeliver import send_again
from events.subscription import deactivate, follow_configuration, reactivate
from instances import configuration
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Notification, Receiver, Reply
from tests.killed_worker import FINISHED, KilledWorker

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ordered_instance(receiver: Receiver) -> ElementInstance:
    instance = new_instance(url=receiver.url)
    Subscription.objects.filter(instance=instance).update(ordered=True)
    return instance


def told(instance: ElementInstance, *objects: str) -> int:
    """Records an event of these objects; its id."""
    (event,) = record(
        instance, [Change(one, ChangeType.UPDATED, {"id": one}, "h") for one in objects]
    )
    return event


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("id").values_list("status", flat=True))


def event_id(one: Notification) -> int:
    found: int = json.loads(one.body)["message"]["eventId"]
    return found


def arrived(receiver: Receiver) -> list[int]:
    return [event_id(one) for one in receiver.received]


def failing(*events: int) -> Any:
    return lambda one: Reply(500 if event_id(one) in events else 200)


@pytest.mark.django_db
def test_a_later_event_waits_while_an_earlier_one_of_its_object_is_tried_again(
    receiver: Receiver,
) -> None:
    instance = ordered_instance(receiver)
    with time_machine.travel(NOW, tick=False) as clock:
        first, other, second = told(instance, "a"), told(instance, "b"), told(instance, "a")
        receiver.answer = failing(first)
        deliver_all_due()
        clock.shift(5)
        deliver_all_due()
        assert second not in arrived(receiver)
        assert other in arrived(receiver)
        assert statuses() == ["retry", "delivered", "waiting"]

        receiver.always(200)
        clock.shift(60)
        deliver_all_due()
    assert arrived(receiver)[-2:] == [first, second]
    assert set(statuses()) == {"delivered"}


@pytest.mark.django_db
def test_events_of_several_objects_wait_for_each_that_is_earlier(receiver: Receiver) -> None:
    instance = ordered_instance(receiver)
    with time_machine.travel(NOW, tick=False) as clock:
        told(instance, *"abcdefghij")
        told(instance, "j", "k")
        told(instance, "k")
        told(instance, "l")
        told(instance, "l", "k")
        assert statuses() == ["created", "waiting", "waiting", "created", "waiting"]
        first = Event.objects.earliest("id").pk
        receiver.answer = failing(first)
        deliver_all_due()
        assert statuses() == ["retry", "waiting", "waiting", "delivered", "waiting"]
        receiver.always(200)
        clock.shift(5)
        deliver_all_due()
    in_order = arrived(receiver)[2:]
    assert in_order == sorted(in_order)
    assert set(statuses()) == {"delivered"}


@pytest.mark.django_db
def test_who_does_not_ask_for_it_has_none(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    told(instance, "a")
    told(instance, "a")
    assert statuses() == ["created", "created"]
    assert not Delivery.objects.filter(object_keys__isnull=False).exists()


@pytest.mark.django_db
def test_under_the_queue_policy_later_ones_follow_when_the_queued_one_is_sent_again(
    receiver: Receiver,
) -> None:
    instance = ordered_instance(receiver)
    Account.objects.filter(users=instance.user).update(failure_policy="queue")
    first, second = told(instance, "a"), told(instance, "a")
    receiver.answer = failing(first)
    deliver_all_due()
    third = told(instance, "a")
    deliver_all_due()
    assert statuses() == ["queued", "waiting", "waiting"]

    receiver.always(200)
    assert send_again(Delivery.objects.all(), timezone.now()) == 1
    deliver_all_due()
    assert arrived(receiver) == [first, first, second, third]


@pytest.mark.django_db
def test_what_a_deactivation_queued_is_sent_again_in_order_even_the_later_part_of_it(
    receiver: Receiver,
) -> None:
    instance = ordered_instance(receiver)
    first, second = told(instance, "a"), told(instance, "a")
    subscription = Subscription.objects.get()
    deactivate(subscription.pk, "a test", timezone.now())
    assert statuses() == ["queued", "queued"]
    reactivate(subscription.pk)
    third = told(instance, "a")
    send_again(Delivery.objects.filter(event=second), timezone.now())
    deliver_all_due()
    assert arrived(receiver) == []
    assert statuses() == ["queued", "waiting", "waiting"]

    send_again(Delivery.objects.all(), timezone.now())
    deliver_all_due()
    assert arrived(receiver) == [first, second, third]


@pytest.mark.django_db
def test_what_is_fetched_and_acknowledged_lets_the_next_go(receiver: Receiver) -> None:
    instance = ordered_instance(receiver)
    told(instance, "a")
    deactivate(Subscription.objects.get().pk, "a test", timezone.now())
    reactivate(Subscription.objects.get().pk)
    second = told(instance, "a")
    (queued,) = fetch.waiting(Subscription.objects.get().pk)
    fetch.acknowledge(queued.subscription_id, [queued.webhook_id], timezone.now())
    deliver_all_due()
    assert arrived(receiver) == [second]


@pytest.mark.django_db
def test_it_is_configured_and_switched_off_lets_go_what_waits(receiver: Receiver) -> None:
    instance = new_instance()
    values = {configuration.EVENTS_CALLBACK_URL: receiver.url, configuration.ORDERED: "true"}
    configuration.keep(instance, configuration.element_of(instance), values)
    follow_configuration(instance)
    told(instance, "a")
    told(instance, "a")
    assert statuses() == ["created", "waiting"]

    values[configuration.ORDERED] = "false"
    configuration.keep(instance, configuration.element_of(instance), values)
    follow_configuration(instance)
    assert statuses() == ["created", "created"]
    told(instance, "a")
    deliver_all_due()
    assert len(receiver.received) == 3


OBJECTS = "abc"


def by_object(receiver: Receiver, events: Sequence[int]) -> dict[str, list[int]]:
    """Which events of each object have succeeded, in the order in which they first did."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in receiver.received:
        key = event_id(one)
        if key not in events:
            continue
        for event in json.loads(one.body)["message"]["events"]:
            if key not in found[event["objectId"]]:
                found[event["objectId"]].append(key)
    return found


@pytest.mark.django_db(transaction=True)
def test_two_engines_keep_the_order_while_attempts_fail(receiver: Receiver) -> None:
    instance = ordered_instance(receiver)
    seen: set[int] = set()
    good: list[Notification] = []
    lock = threading.Lock()

    def fail_once(one: Notification) -> Reply:
        with lock:
            if event_id(one) % 4 == 0 and event_id(one) not in seen:
                seen.add(event_id(one))
                return Reply(500)
            good.append(one)
        return Reply(200)

    receiver.answer = fail_once
    events = [
        told(
            instance, OBJECTS[number % 3], *(OBJECTS[:1] if number % 5 == 0 and number % 3 else "")
        )
        for number in range(40)
    ]

    def engine() -> None:
        deliver_all_due()
        connection.close()

    for _ in range(60):
        threads = [threading.Thread(target=engine) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if set(statuses()) == {"delivered"}:
            break
        Delivery.objects.filter(status="retry").update(next_attempt_at=NOW)
    assert set(statuses()) == {"delivered"}
    receiver.received[:] = good
    for key, order in by_object(receiver, events).items():
        assert order == sorted(order), key


@pytest.mark.django_db(transaction=True)
def test_those_who_record_at_once_take_turns(receiver: Receiver) -> None:
    instance = ordered_instance(receiver)
    barrier = threading.Barrier(4)

    def recorder() -> None:
        barrier.wait()
        for _ in range(5):
            told(instance, "a")
        connection.close()

    threads = [threading.Thread(target=recorder) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses() == ["created"] + ["waiting"] * 19
    deliver_all_due()
    assert arrived(receiver) == sorted(arrived(receiver))
    assert len(receiver.received) == 20


@pytest.mark.django_db(transaction=True)
def test_an_engine_killed_at_any_statement_neither_breaks_the_order_nor_leaves_one_waiting(
    receiver: Receiver,
) -> None:
    worker = KilledWorker("tests.all_due.deliver_all_due")
    statement, ended = 0, int(signal.SIGKILL)
    try:
        while ended != FINISHED:
            statement += 1
            receiver.received.clear()
            instance = ordered_instance(receiver)
            events = [told(instance, *objects) for objects in ("a", "ab", "b", "a", "c")]

            ended = worker.run(statement)
            # Its leases end by themselves: time passes.
            Delivery.objects.filter(lease_id__isnull=False).update(
                lease_until=F("lease_until") - LEASE
            )
            deliver_all_due()

            assert set(statuses()) == {"delivered"}
            assert set(arrived(receiver)) == set(events)
            for key, order in by_object(receiver, events).items():
                assert order == sorted(order), key
            instance.delete()
    finally:
        worker.close()
    assert statement > 8, "the engine was never killed within its work"
