"""What an engine remembers of who has something due, while it is not its turn to walk."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from events import claim as claims
from events.claim import LEASE, Claimed, DueSubscriptions, claim
from events.commit import Attempted, Released, commit
from events.models import Delivery, DeliveryStatus, Subscription
from events.outcome import Answer, Decision
from events.redeliver import retry_now, send_again
from tests.events.found import new_instance, record

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/callback"
HOUR = timedelta(hours=1)


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> DueSubscriptions:
    """Of an engine that has walked once, and does not again."""
    monkeypatch.setattr(claims, "WALK_SHARE", 1e12)
    made = DueSubscriptions()
    assert made.look(timezone.now()).due == []
    return made


def found(due: DueSubscriptions, now: datetime) -> list[int]:
    return [one.subscription_id for one in due.look(now).due]


def take(due: DueSubscriptions, now: datetime, share: int) -> list[Claimed]:
    since = {one.subscription_id: one.since for one in due.look(now).due}
    return claim(now, dict.fromkeys(since, share), 1_000, since)


def ended(one: Claimed, status: DeliveryStatus, code: int, next_attempt_at: datetime) -> Attempted:
    return Attempted(
        delivery_id=one.id,
        lease_id=one.lease_id,
        subscription_id=one.subscription_id,
        url=URL,
        was_failing=False,
        started_at=timezone.now(),
        duration_ms=5,
        answer=Answer(code),
        decision=Decision(status, 1, None, next_attempt_at),
    )


def test_what_is_recorded_is_found_at_the_next_look(due: DueSubscriptions) -> None:
    record(new_instance(url=URL), 20)
    subscription = Subscription.objects.get()
    assert found(due, timezone.now()) == [subscription.pk]
    assert found(due, timezone.now()) == [subscription.pk]  # as long as it is due
    assert len(take(due, timezone.now(), 10)) == 2
    assert found(due, timezone.now()) == []


def test_what_is_retried_is_found_when_it_is_due_or_when_somebody_asks(
    due: DueSubscriptions,
) -> None:
    record(new_instance(url=URL))
    now = timezone.now()
    [one] = take(due, now, 10)
    commit([ended(one, DeliveryStatus.RETRY, 500, now + HOUR)], [], now)
    assert found(due, now + HOUR / 2) == []
    assert found(due, now + HOUR) == [one.subscription_id]

    assert retry_now(Delivery.objects.all(), now)
    assert found(due, now) == [one.subscription_id]


def test_what_is_given_back_or_sent_again_is_found(due: DueSubscriptions) -> None:
    record(new_instance(url=URL))
    now = timezone.now()
    [one] = take(due, now, 10)
    assert found(due, now) == []
    commit([], [Released(one.id, one.lease_id, one.subscription_id)], now)
    [again] = take(due, now, 10)
    assert again.id == one.id

    commit([ended(again, DeliveryStatus.DELIVERED, 200, now)], [], now)
    assert found(due, now) == []
    assert send_again(Delivery.objects.all(), now, arrived=True) == 1
    assert found(due, now) == [one.subscription_id]


def test_all_that_is_sent_again_at_once_is_claimed(due: DueSubscriptions) -> None:
    """Each is due a moment before the next one."""
    record(new_instance(url=URL), 30)
    now = timezone.now()
    Delivery.objects.update(status=DeliveryStatus.QUEUED)
    assert found(due, now) == []

    assert send_again(Delivery.objects.all(), now) == 3
    assert len(take(due, now, 10)) == 3


def test_a_scan_begins_behind_what_was_claimed(due: DueSubscriptions) -> None:
    """There the dead entries of the index lie, as long as a transaction might see them."""
    record(new_instance(url=URL), 50)
    now = timezone.now()
    rows = list(Delivery.objects.order_by("id"))
    for place, row in enumerate(rows):
        row.next_attempt_at = now + timedelta(milliseconds=place)
    Delivery.objects.bulk_update(rows, ["next_attempt_at"])
    now += timedelta(seconds=1)

    claimed = take(due, now, 3)
    assert [one.id for one in claimed] == [row.pk for row in rows[:3]]
    [left] = due.look(now).due
    assert left.since == rows[3].next_attempt_at


def test_what_died_with_its_holder_is_found_by_the_walk(
    due: DueSubscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(new_instance(url=URL))
    now = timezone.now()
    [one] = take(due, now, 10)
    monkeypatch.setattr(claims, "WALK_SHARE", 0)
    due.forget()
    assert found(due, now + LEASE - timedelta(seconds=1)) == []
    assert found(due, now + LEASE) == [one.subscription_id]
