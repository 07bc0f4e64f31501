"""A dead receiver never delays another's deliveries."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from events.claim import MOST_VISITS, Claimed, DueSubscriptions, Walk, claim
from events.models import Delivery, DeliveryAttempt, Severity, Subscription
from events.payload import Notice
from events.record import record_notice
from events.subscription import origin_of
from events.tasks import deliver_until
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver, Reply
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db


HANGING = 150.0  # seconds until an attempt is given up: longer than all patience


class Arrivals:
    """Answers 200 and notes how many attempts `others` had when each notification came.

    The engine stops when the last of `expected` has come.
    """

    def __init__(self, receiver: Receiver, expected: int, others: Receiver | None = None) -> None:
        self.others_had: list[int] = []
        self.complete = threading.Event()
        self._expected, self._others = expected, others
        self._lock = threading.Lock()
        receiver.answer = self._note

    def _note(self, _: object) -> Reply:
        with self._lock:
            self.others_had.append(len(self._others.received) if self._others else 0)
            if len(self.others_had) == self._expected:
                self.complete.set()
        return Reply(200)


@pytest.fixture
def deliver(monkeypatch: pytest.MonkeyPatch) -> Callable[[Arrivals], None]:
    """Delivers until everything has arrived, though hanging attempts never end meanwhile."""
    for module in ("claim", "traffic"):  # a lease is longer than an attempt
        monkeypatch.setattr(f"events.{module}.LEASE", timedelta(seconds=2 * HANGING))
    monkeypatch.setattr("events.attempt.TIMEOUT", HANGING)
    monkeypatch.setattr("events.deliver.STOP_WITHIN", 0.1)

    def until_complete(arrivals: Arrivals) -> None:
        monkeypatch.setattr("worker.loops.stopping", arrivals.complete.is_set)
        deliver_until(time.monotonic() + PATIENCE)
        assert arrivals.complete.is_set(), "not all of the healthy receiver's deliveries came"

    return until_complete


def test_a_hanging_receiver_with_a_thousand_deliveries_holds_up_nobody(
    new_receiver: Callable[[], Receiver], deliver: Callable[[Arrivals], None]
) -> None:
    healthy, dead = new_receiver(), new_receiver()
    dead.always(hang=True)
    record(new_instance(url=dead.url), 10_000)
    record(new_instance(url=healthy.url), 1_000)

    deliver(Arrivals(healthy, 100))

    assert dead.most_at_once <= 10
    dead_ones = Delivery.objects.filter(subscription__url=dead.url)
    assert dead_ones.count() == 1_000
    # What was being tried when the engine stopped comes back when its lease ends.
    assert dead_ones.filter(lease_id__isnull=False).count() <= 10


def test_many_hanging_receivers_at_once_give_their_slots_free(
    new_receiver: Callable[[], Receiver],
    deliver: Callable[[Arrivals], None],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    monkeypatch.setattr("events.traffic.SLOW_AFTER", 0.2)
    settings.DELIVERY_CONCURRENCY = 20
    healthy = new_receiver()
    for _ in range(4):  # ten at a time of each would fill all slots twice
        dead = new_receiver()
        dead.always(hang=True)
        record(new_instance(url=dead.url), 300)
    record(new_instance(url=healthy.url), 100)

    deliver(Arrivals(healthy, 10))


def test_many_dead_receivers_of_one_organization_hold_up_no_other(
    new_receiver: Callable[[], Receiver],
    deliver: Callable[[Arrivals], None],
    settings: Settings,
) -> None:
    """More than could hang at once, each at a server of its own, and none known to be dead."""
    settings.DELIVERY_CONCURRENCY = 20
    healthy = new_receiver()
    with socket.socket() as silent:
        silent.bind(("0.0.0.0", 0))  # noqa: S104 - each of its addresses is another server
        silent.listen(256)
        first = new_instance(url=f"http://127.0.1.1:{silent.getsockname()[1]}")
        record(first, 1)
        for number in range(2, 121):
            url = f"http://127.0.1.{number}:{silent.getsockname()[1]}"
            record(new_instance(first.organization, url=url), 1)
        record(new_instance(url=healthy.url), 100)

        deliver(Arrivals(healthy, 10))

    assert not DeliveryAttempt.objects.exclude(delivery__subscription__url=healthy.url).exists()


DEAD = 1_000
IDS = "events_subscription_id_seq"
ROUND = DEAD // MOST_VISITS + 1  # walks until each subscription was looked at once


def test_one_notification_to_a_thousand_dead_subscriptions_holds_up_no_others(
    new_receiver: Callable[[], Receiver],
    deliver: Callable[[Arrivals], None],
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    """Counted in walks over the subscriptions, of which the others' come last."""
    settings.DELIVERY_CONCURRENCY = 20
    claimed: list[list[int]] = []  # the subscriptions of each walk's claim

    def looking(remembered: DueSubscriptions, now: datetime) -> Walk:
        claimed.append([])
        return look(remembered, now)

    def claiming(*args: Any) -> list[Claimed]:
        found = claim(*args)
        claimed[-1] += [one.subscription_id for one in found]
        return found

    look = DueSubscriptions.look
    monkeypatch.setattr(DueSubscriptions, "look", looking)
    monkeypatch.setattr("events.deliver.claim", claiming)
    organization = new_instance().organization
    healthy = new_receiver()
    with socket.socket() as silent:
        silent.bind(("0.0.0.0", 0))  # noqa: S104 - each of its addresses is another server
        silent.listen(256)
        port = silent.getsockname()[1]
        urls = [f"http://127.0.{1 + n // 200}.{1 + n % 200}:{port}" for n in range(DEAD)]
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(%s)", [IDS])
            [first] = cursor.fetchone()
            cursor.execute("SELECT setval(%s, %s)", [IDS, first + DEAD])
        Subscription.objects.bulk_create(
            Subscription(
                pk=pk, organization=organization, topics=["disk"], url=url, origin=origin_of(url)
            )
            for pk, url in enumerate(urls, first)
        )
        others = new_instance(url=healthy.url)
        record(others, 400)
        with transaction.atomic():
            notice = Notice("disk", "It is full", Severity.LOW, "us@example.com")
            record_notice(organization.pk, None, notice, timezone.now())

        deliver(Arrivals(healthy, 40))

    theirs = Subscription.objects.get(instance=others).pk
    walks = [number for number, found in enumerate(claimed, 1) if theirs in found]
    assert walks[0] <= ROUND
    assert all(after - before <= ROUND for before, after in pairwise(walks))
    dead = sum(one != theirs for found in claimed[: walks[0]] for one in found)
    assert 0 < dead <= 3 * settings.DELIVERY_CONCURRENCY
    assert not DeliveryAttempt.objects.exclude(delivery__subscription=theirs).exists()


def test_a_failing_subscription_is_tried_one_at_a_time(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.always(500)
    monkeypatch.setattr("worker.loops.stopping", lambda: len(receiver.received) >= 5)
    instance = new_instance(url=receiver.url)
    record(instance, 20)
    Subscription.objects.update(failing_since="2026-01-01T00:00Z")
    record(instance, 180)

    deliver_until(time.monotonic() + PATIENCE)

    assert len(receiver.received) >= 5
    assert receiver.most_at_once == 1


def test_many_subscriptions_to_one_hanging_server_are_bounded_together(
    new_receiver: Callable[[], Receiver],
    deliver: Callable[[Arrivals], None],
    settings: Settings,
) -> None:
    settings.DELIVERY_CONCURRENCY = 40
    healthy, dead = new_receiver(), new_receiver()
    dead.always(hang=True)
    for _ in range(30):
        record(new_instance(url=dead.url), 100)
    record(new_instance(url=healthy.url), 200)
    arrivals = Arrivals(healthy, 20, others=dead)

    deliver(arrivals)

    assert max(arrivals.others_had) <= 10  # a quarter of the slots
