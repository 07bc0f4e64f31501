"""A turn of the engine goes on to the last moment for who fails at once: retries come in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from events import attempt, claim, deliver, traffic
from events.models import Delivery, Subscription
from events.tasks import deliver_until
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver, Reply
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db
TURN = 600.0  # seconds


@pytest.fixture(autouse=True)
def _nobody_has_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "_hanging", set())


class Clock:
    """The engine's, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def now(self) -> datetime:
        return timezone.now() + timedelta(seconds=self.ahead)


@pytest.mark.parametrize("hung", [False, True])
def test_a_retry_that_falls_due_after_its_time_is_made_unless_it_could_hang(
    new_receiver: Callable[[], Receiver], monkeypatch: pytest.MonkeyPatch, hung: bool
) -> None:
    clock = Clock()
    monkeypatch.setattr(deliver, "time", clock)
    monkeypatch.setattr(deliver, "timezone", clock)
    for module in (claim, traffic):  # a lease is longer than all that
        monkeypatch.setattr(module, "LEASE", timedelta(seconds=2 * TURN))
    monkeypatch.setattr(attempt, "TIMEOUT", PATIENCE)
    monkeypatch.setattr(traffic, "SLOW_AFTER", 0.0)
    failing, slow = new_receiver(), new_receiver()
    tried = threading.Event()

    def answer_late(_: object) -> Reply:
        clock.ahead = TURN
        tried.wait(1.0 if hung else PATIENCE)
        return Reply()

    slow.answer = answer_late

    def refuse(_: object) -> Reply:
        tried.set()
        return Reply(500)

    failing.answer = refuse
    record(new_instance(url=slow.url))
    record(new_instance(url=failing.url))
    now = timezone.now()
    subscription = Subscription.objects.get(url=failing.url)
    Subscription.objects.filter(pk=subscription.pk).update(failing_since=now)
    Delivery.objects.filter(subscription=subscription).update(
        status="retry",
        failures=1,
        first_failed_at=now,
        next_attempt_at=now + timedelta(seconds=TURN),
    )
    if hung:
        deliver._hanging.add(subscription.pk)

    # The slow receiver keeps the turn going until the retry of the other has been made.
    deliver_until(time.monotonic() + TURN)

    assert len(slow.received) == 1
    assert len(failing.received) == (0 if hung else 1)


def test_who_took_long_to_fail_counts_as_hanging_until_it_does_not() -> None:
    subscription = 7
    seen: list[bool] = []

    def note(status: int, took: float) -> None:
        deliver._note_hanging(subscription, delivered=status == 200, took=took)
        seen.append(subscription in deliver._hanging)

    note(500, 0.1)
    note(500, 15.0)
    note(500, 0.1)
    note(200, 15.0)

    assert seen == [False, True, False, False]
