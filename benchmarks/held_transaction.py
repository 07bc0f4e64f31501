"""Deliveries a second while somebody holds a transaction open, by those before.

What the transaction might still see stays in the tables and their indexes: each delivery that was
claimed and settled leaves dead rows, which vacuum may not remove. A backlog of constant size is
delivered in turns like the worker's. The quick run settles most deliveries without sending them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import psycopg
from django.db import connection
from django.utils import timezone

from benchmarks import database
from benchmarks.deliveries import BODY_SIZE
from benchmarks.rows import insert_deliveries
from benchmarks.stub import stub
from events.claim import Claimed, DueSubscriptions, claim, due_subscriptions
from events.commit import Attempted, commit
from events.models import Delivery, DeliveryAttempt, DeliveryStatus, Subscription
from events.outcome import Answer, Decision
from events.tasks import deliver_until
from worker import wakeups

BACKLOG = 30_000  # deliveries that are due at the beginning of each turn
TURN, QUICK_TURN = 20.0, 5.0  # seconds
BEFORE = LAST = 3  # turns that are compared
HELD, QUICK_HELD = 600.0, 0.0  # seconds of turns before the last ones
UNSENT, QUICK_UNSENT = 0, 50_000  # deliveries that are settled without being sent
AT_ONCE = 500  # of those

MORE = """
WITH event AS (
    INSERT INTO events_event
        (organization_id, instance_id, object_type, status, objects_found, severity, body,
         created_at, topic, sender, message, acknowledged)
    SELECT organization_id, instance_id, object_type, status, objects_found, severity, body,
           %(now)s, topic, sender, message, acknowledged
      FROM events_event WHERE id <= %(count)s
    RETURNING id, organization_id, instance_id
)
INSERT INTO events_delivery
    (organization_id, event_id, subscription_id, webhook_id, status, next_attempt_at, created_at,
     attempts_made, failures)
SELECT organization_id, id, instance_id, 'msg_' || lpad(id::text, 32, '0'), 'created',
       %(now)s + random() * interval '1 second', %(now)s, 0, 0
  FROM event
"""
GO_ON_NUMBERING = "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)"


def run(*, quick: bool) -> dict[str, float]:
    turn = QUICK_TURN if quick else TURN
    database.fresh("held")
    with stub(0, "{}") as receiver:
        insert_deliveries(BACKLOG, f"{receiver}/events", "x" * BODY_SIZE)
        with connection.cursor() as cursor:
            for table in ("events_event", "events_delivery"):
                cursor.execute(GO_ON_NUMBERING, [table, BACKLOG])
        database.vacuum()
        before = [_turn(turn) for _ in range(BEFORE)]
        with _held_transaction():
            _settle_unsent(QUICK_UNSENT if quick else UNSENT)
            until = time.monotonic() + (QUICK_HELD if quick else HELD)
            while time.monotonic() < until:
                _turn(turn)
            last = [_turn(turn) for _ in range(LAST)]
            look_ms, walk_ms = _looks()
    results = {
        "held_xmin_ratio": median(last) / median(before),
        "held_xmin_before_per_s": median(before),
        "held_xmin_per_s": median(last),
        "held_xmin_deliveries": Delivery.objects.filter(status="delivered").count(),
        "held_xmin_look_ms": look_ms,
        "held_xmin_walk_ms": walk_ms,
    }
    if DeliveryAttempt.objects.count() != results["held_xmin_deliveries"]:
        raise RuntimeError("not all that was attempted was delivered")
    database.drop("held")
    return results


def _turn(seconds: float) -> float:
    """Deliveries a second of one turn. As many are made anew as were delivered."""
    before = DeliveryAttempt.objects.count()
    began = time.perf_counter()
    deliver_until(time.monotonic() + seconds)
    took = time.perf_counter() - began
    delivered = DeliveryAttempt.objects.count() - before
    _add(delivered)
    return delivered / took


def _add(count: int) -> None:
    now = timezone.now()
    subscriptions = list(Subscription.objects.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(MORE, {"count": count, "now": now})
    wakeups.wake(wakeups.DELIVERIES, subscriptions, now)


def _settle_unsent(count: int) -> None:
    """Claims and stores as the engine does, in between nothing."""
    due = DueSubscriptions()
    while count > 0:
        walk = due.look(timezone.now())
        claimed = claim(
            timezone.now(),
            {one.subscription_id: AT_ONCE for one in walk.due},
            AT_ONCE,
            {one.subscription_id: one.since for one in walk.due},
        )
        commit([_arrived(one) for one in claimed], [], timezone.now())
        _add(len(claimed))
        count -= len(claimed)


def _arrived(one: Claimed) -> Attempted:
    now = timezone.now()
    return Attempted(
        delivery_id=one.id,
        lease_id=one.lease_id,
        subscription_id=one.subscription_id,
        url=one.url,
        was_failing=False,
        started_at=now,
        duration_ms=0,
        answer=Answer(200),
        decision=Decision(DeliveryStatus.DELIVERED, 0, None, now),
    )


def _looks() -> tuple[float, float]:
    """Milliseconds of an engine's look, and of a walk over all that is in the index."""
    due = DueSubscriptions()
    due.look(timezone.now())
    took = []
    for _ in range(10):
        began = time.perf_counter()
        due.look(timezone.now())
        took.append((time.perf_counter() - began) * 1000)
    began = time.perf_counter()
    due_subscriptions(timezone.now())
    return median(took), (time.perf_counter() - began) * 1000


@contextmanager
def _held_transaction() -> Iterator[None]:
    """Somebody's forgotten transaction, that has read something."""
    settings = connection.get_connection_params()
    named = {name: settings[name] for name in ("host", "port", "user", "dbname")}
    with psycopg.connect(**named, options="-c idle_in_transaction_session_timeout=0") as held:
        held.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        held.execute("SELECT count(*) FROM events_subscription")
        yield
