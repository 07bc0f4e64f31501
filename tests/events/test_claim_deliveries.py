"""Due deliveries are taken on lease: by one engine at a time, fairly, and again when it dies."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from events.claim import CLAIM, DUE_SUBSCRIPTIONS, LEASE, Claimed, claim, due_subscriptions
from events.commit import Attempted, Released, commit
from events.models import Delivery, DeliveryAttempt, DeliveryStatus, Event, Subscription
from events.outcome import Answer, Decision
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Receiver
from tests.patience import PATIENCE

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "http://127.0.0.1:9/callback"
T = TypeVar("T")


def elsewhere(work: Callable[[], T]) -> T:
    """Runs `work` in a thread of its own, so on a database connection of its own."""
    results: list[T] = []

    def run() -> None:
        try:
            results.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=PATIENCE)
    assert results, "it raised or it blocks"
    return results[0]


def claim_all(limit: int = 1_000, share: int = 1_000) -> list[Claimed]:
    now = timezone.now()
    due = due_subscriptions(now).due
    return claim(now, {one.subscription_id: share for one in due}, limit)


def attempted(claimed: Claimed, status: DeliveryStatus, code: int) -> Attempted:
    return Attempted(
        delivery_id=claimed.id,
        lease_id=claimed.lease_id,
        subscription_id=claimed.subscription_id,
        url=URL,
        was_failing=False,
        started_at=timezone.now(),
        duration_ms=5,
        answer=Answer(code),
        decision=Decision(status, 0, None, timezone.now()),
    )


@pytest.mark.django_db(transaction=True)
def test_two_engines_never_get_the_same_delivery() -> None:
    record(new_instance(url=URL), 500)
    barrier = threading.Barrier(2)
    taken: list[list[Claimed]] = []

    def engine() -> None:
        barrier.wait()
        taken.extend(claim_all(limit=5, share=5) for _ in range(5))
        connection.close()

    threads = [threading.Thread(target=engine) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [one.id for some in taken for one in some]
    assert len(ids) == len(set(ids)) == 50


@pytest.mark.django_db(transaction=True)
def test_a_row_that_another_engine_is_claiming_is_skipped_not_waited_for() -> None:
    record(new_instance(url=URL), 20)
    with transaction.atomic():
        mine = claim_all(limit=1, share=1)
        others = elsewhere(lambda: claim_all())

    assert {one.id for one in mine}.isdisjoint(one.id for one in others)
    assert len(others) == 1


@pytest.mark.django_db(transaction=True)
def test_two_engines_at_once_deliver_each_event_once(receiver: Receiver) -> None:
    for _ in range(4):
        record(new_instance(url=receiver.url), 250)

    def engine() -> None:
        deliver_all_due()
        connection.close()

    threads = [threading.Thread(target=engine) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receiver.received) == len(set(receiver.ids())) == 100
    assert DeliveryAttempt.objects.count() == 100


@pytest.mark.django_db
def test_a_lease_holds_and_then_ends() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        record(new_instance(url=URL))
        (first,) = claim_all()
        clock.shift(LEASE - timedelta(seconds=1))
        assert claim_all() == []
        clock.shift(1)
        (again,) = claim_all()

    assert again.id == first.id
    assert again.webhook_id == first.webhook_id
    assert again.lease_id != first.lease_id


@pytest.mark.django_db
def test_what_an_engine_brings_after_its_lease_was_taken_over_is_dropped() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        record(new_instance(url=URL))
        (stale,) = claim_all()
        clock.shift(LEASE)
        (current,) = claim_all()
        commit([attempted(stale, DeliveryStatus.DELIVERED, 200)], [], timezone.now())

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.lease_id) == ("created", current.lease_id)
    assert not DeliveryAttempt.objects.exists()
    assert statuses() == ["DISPATCHED"]


@pytest.mark.django_db
def test_storing_the_same_outcome_twice_changes_nothing() -> None:
    record(new_instance(url=URL))
    (claimed,) = claim_all()
    outcome = attempted(claimed, DeliveryStatus.DELIVERED, 200)

    commit([outcome], [], timezone.now())
    commit([outcome], [], timezone.now())

    assert Delivery.objects.get().attempts_made == 1
    assert DeliveryAttempt.objects.count() == 1


@pytest.mark.django_db
def test_what_is_given_back_untried_is_due_again() -> None:
    record(new_instance(url=URL))
    (claimed,) = claim_all()

    commit([], [Released(claimed.id, claimed.lease_id, claimed.subscription_id)], timezone.now())

    (again,) = claim_all()
    assert again.id == claimed.id
    assert Delivery.objects.get().attempts_made == 0


@pytest.mark.django_db
def test_a_failure_below_a_subscription_that_another_turned_off_is_queued() -> None:
    record(new_instance(url=URL))
    (claimed,) = claim_all()
    Subscription.objects.update(active=False)

    commit([attempted(claimed, DeliveryStatus.RETRY, 500)], [], timezone.now())

    assert Delivery.objects.get().status == "queued"


@pytest.mark.django_db
def test_nothing_is_claimed_before_its_time_and_the_oldest_comes_first() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        record(new_instance(url=URL), 30)
        later, sooner, now = Delivery.objects.order_by("id")
        for delivery, seconds in ((later, 2), (sooner, 1), (now, 0)):
            delivery.next_attempt_at = NOW + timedelta(seconds=seconds)
            delivery.save()
        assert [one.id for one in claim_all()] == [now.id]
        clock.shift(2)
        assert [one.id for one in claim_all()] == [sooner.id, later.id]


@pytest.mark.django_db
def test_subscriptions_take_turns_and_none_gets_more_than_its_share() -> None:
    many = record(new_instance(url=URL), 1_000)
    few = record(new_instance(url=URL), 20)

    claimed = claim_all(limit=20, share=10)

    by_event = list(Delivery.objects.filter(id__in=[one.id for one in claimed]))
    assert sum(one.event_id in many for one in by_event) == 10
    assert sum(one.event_id in few for one in by_event) == 2
    assert [one.place for one in claimed] == sorted(one.place for one in claimed)


@pytest.mark.django_db
def test_a_walk_goes_on_where_the_last_one_ended() -> None:
    instances = [new_instance(url=URL) for _ in range(5)]
    for instance in instances:
        record(instance)
    seen: list[int] = []
    after = 0
    for _ in range(3):
        walk = due_subscriptions(timezone.now(), after, visits=2)
        seen += [one.subscription_id for one in walk.due]
        after = walk.next_after

    assert seen == list(Subscription.objects.order_by("id").values_list("id", flat=True))
    assert after == 0


@pytest.mark.django_db
def test_large_bodies_are_not_all_taken_at_once() -> None:
    instance = new_instance(url=URL)
    record(instance, 50)
    Event.objects.update(body="x" * 3_000_000)

    assert len(claim_all()) == 2  # the second one begins below the limit of 4 MB


@pytest.mark.django_db
def test_the_walk_and_the_claim_stay_on_the_partial_index_below_a_long_history() -> None:
    instance = new_instance(url=URL)
    subscription = Subscription.objects.get()
    record(instance, 20)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH past AS (
                INSERT INTO events_event (organization_id, instance_id, object_type, status,
                                          objects_found, body, created_at)
                SELECT %s, %s, 'changed-messages', 'NOTIFIED', '[]', '{}', %s
                  FROM generate_series(1, 20000)
                RETURNING id, organization_id, created_at)
            INSERT INTO events_delivery (organization_id, event_id, subscription_id, webhook_id,
                                         status, next_attempt_at, attempts_made, failures,
                                         created_at)
            SELECT organization_id, id, %s, 'past_' || id, 'delivered', created_at, 1, 0, created_at
              FROM past
            """,
            [instance.organization_id, instance.pk, NOW, subscription.pk],
        )
        cursor.execute("ANALYZE events_delivery, events_event, events_subscription")
        now = timezone.now()
        walk = explain(cursor, DUE_SUBSCRIPTIONS, {"now": now, "after": 0, "visits": 500})
        taking = explain(
            cursor,
            CLAIM,
            {
                "subscriptions": [subscription.pk],
                "shares": [10],
                "since": [now],
                "now": now,
                "limit": 10,
                "bytes": 1_000,
                "own_bytes": 1_000,
                "lease_id": uuid.uuid4(),
                "lease_until": now,
            },
        )

    for plan in (walk, taking):
        assert "delivery_due" in plan
        assert "Seq Scan on events_delivery" not in plan
        assert "events_delivery_subscription_id" not in plan


def explain(cursor: Any, statement: str, values: dict[str, Any]) -> str:
    cursor.execute(f"EXPLAIN {statement}", values)
    return "\n".join(row[0] for row in cursor.fetchall())
