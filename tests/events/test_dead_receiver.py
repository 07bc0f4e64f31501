"""A dead receiver never delays another's deliveries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from events.models import Delivery, Subscription
from events.tasks import deliver_until
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db


class Arrivals:
    """Answers 200 and notes when the last of `expected` notifications came."""

    def __init__(self, receiver: Receiver, expected: int) -> None:
        self.done_at: float | None = None
        self._left = expected
        self._lock = threading.Lock()
        receiver.answer = self._note

    def _note(self, _: object) -> Reply:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.done_at = time.monotonic()
        return Reply(200)


def seconds_to_deliver(arrivals: Arrivals, budget: float) -> float:
    began = time.monotonic()
    deliver_until(began + budget)
    assert arrivals.done_at is not None, "not all of the healthy receiver's deliveries came"
    return arrivals.done_at - began


def test_a_hanging_receiver_with_a_thousand_deliveries_holds_up_nobody(
    new_receiver: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.attempt.TIMEOUT", 1.5)
    healthy, dead = new_receiver(), new_receiver()
    dead.always(hang=True)
    record(new_instance(url=healthy.url), 1_000)
    alone = seconds_to_deliver(Arrivals(healthy, 100), budget=0.5)

    record(new_instance(url=dead.url), 10_000)
    record(new_instance(url=healthy.url), 1_000)
    beside = seconds_to_deliver(Arrivals(healthy, 100), budget=1.0)

    assert beside < 3 * alone + 0.3
    assert dead.most_at_once <= 10
    dead_ones = Delivery.objects.filter(subscription__url=dead.url)
    assert dead_ones.count() == 1_000
    assert not dead_ones.filter(lease_id__isnull=False).exists()


def test_many_hanging_receivers_at_once_give_their_slots_free(
    new_receiver: Callable[[], Receiver],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    monkeypatch.setattr("events.attempt.TIMEOUT", 1.5)
    monkeypatch.setattr("events.traffic.SLOW_AFTER", 0.2)
    settings.DELIVERY_CONCURRENCY = 20
    healthy = new_receiver()
    for _ in range(4):  # ten at a time of each would fill all slots twice
        dead = new_receiver()
        dead.always(hang=True)
        record(new_instance(url=dead.url), 300)
    record(new_instance(url=healthy.url), 100)

    assert seconds_to_deliver(Arrivals(healthy, 10), budget=1.0) < 1.4  # less than a time-out


def test_a_failing_subscription_is_tried_one_at_a_time(receiver: Receiver) -> None:
    receiver.always(500)
    instance = new_instance(url=receiver.url)
    record(instance, 20)
    Subscription.objects.update(failing_since="2026-01-01T00:00Z")
    record(instance, 180)

    deliver_until(time.monotonic() + 1.0)

    assert len(receiver.received) > 1
    assert receiver.most_at_once == 1


def test_many_subscriptions_to_one_hanging_server_are_bounded_together(
    new_receiver: Callable[[], Receiver],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    monkeypatch.setattr("events.attempt.TIMEOUT", 1.5)
    settings.DELIVERY_CONCURRENCY = 40
    healthy, dead = new_receiver(), new_receiver()
    dead.always(hang=True)
    for _ in range(30):
        record(new_instance(url=dead.url), 100)
    record(new_instance(url=healthy.url), 200)
    tried: list[int] = []

    def note(_: object) -> Reply:
        tried.append(len(dead.received))
        return Reply(200)

    healthy.answer = note

    deliver_until(time.monotonic() + 0.5)

    assert len(tried) == 20
    assert max(tried) <= 10  # a quarter of the slots
