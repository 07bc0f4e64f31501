"""Writes down what attempts came to, many in one transaction, fenced by their leases.

Rule 1: a delivery is moved only where the lease is still ours; what another engine has taken over
meanwhile is left alone, attempt row and all.
Rule 2: subscriptions are locked before deliveries, in the order of their ids. Whoever deletes or
deactivates one takes the same lock, so a delivery never waits for a retry below a subscription
that is off, and no attempt is written below one that is going.
Rule 3: an attempt at another URL than the subscription's present one says nothing of that one.
Rule 4: a subscription that somebody else has locked is not waited for, since what waits here are
the outcomes of everybody: its outcomes are handed back, to be stored later.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from events import breaker, order
from events.breaker import Word
from events.models import DeliveryStatus
from events.outcome import Answer, Decision
from events.record import TEST
from events.subscription import queue_pending
from worker import wakeups

LOCK_STEADY = """
SELECT id FROM events_subscription WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE SKIP LOCKED
"""
LOCK_CHANGING = """
SELECT id FROM events_subscription WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
STILL_THERE = """
SELECT id FROM events_subscription WHERE id = ANY(%s)
"""
MARK_FAILING = """
UPDATE events_subscription s SET failing_since = %s
  FROM unnest(%s::bigint[], %s::text[]) AS failing (id, url)
 WHERE s.id = failing.id AND s.url = failing.url AND s.failing_since IS NULL
"""
MARK_SOUND = """
UPDATE events_subscription SET failing_since = NULL WHERE id = ANY(%s)
"""
DEACTIVATE = """
UPDATE events_subscription
   SET active = FALSE, deactivated_at = %s, deactivation_reason = %s
 WHERE id = %s AND url = %s AND active
RETURNING id
"""
# Along the index of an organization's deliveries by time, and no further than to the first one.
OTHERS_ARRIVED = """
SELECT EXISTS (
    SELECT 1
      FROM events_delivery d
      JOIN events_delivery other
        ON other.organization_id = d.organization_id AND other.created_at >= d.created_at
       AND other.subscription_id = d.subscription_id AND other.id <> d.id
       AND other.status = 'delivered'
      JOIN events_event e ON e.id = other.event_id AND e.topic <> %s
     WHERE d.id = %s)
"""
MOVE = """
WITH outcome AS (
    SELECT *
      FROM json_to_recordset(%(outcomes)s)
        AS o (id bigint, lease_id uuid, status text, url text, failures int,
              first_failed_at timestamptz, next_attempt_at timestamptz, started_at timestamptz,
              duration_ms int, status_code int, error text, response_excerpt text)
), moved AS (
    UPDATE events_delivery d
       SET status = CASE WHEN o.status IN ('retry', 'failed') AND NOT s.active THEN 'queued'
                         WHEN o.status IN ('queued', 'failed') AND s.active AND s.url <> o.url
                         THEN 'retry'
                         ELSE o.status END,
           failures = o.failures,
           first_failed_at = o.first_failed_at,
           next_attempt_at = o.next_attempt_at,
           attempts_made = d.attempts_made + 1,
           lease_id = NULL,
           lease_until = NULL,
           updated_at = %(now)s
      FROM outcome o, events_subscription s
     WHERE d.id = o.id AND d.lease_id = o.lease_id AND s.id = d.subscription_id
    RETURNING d.id, d.event_id, d.status, d.attempts_made, o.started_at, o.duration_ms,
              o.status_code, o.error, o.response_excerpt
), attempted AS (
    INSERT INTO events_deliveryattempt
           (delivery_id, number, started_at, duration_ms, status_code, error, response_excerpt)
    SELECT id, attempts_made, started_at, duration_ms, status_code, error, response_excerpt
      FROM moved
)
SELECT event_id FROM moved WHERE status = 'delivered'
"""
# The row of an event of a topic says its status (events.status). It goes to several: who stores its
# last delivery must see the others stored.
LOCK_SHARED_EVENTS = """
SELECT id FROM events_event WHERE id = ANY(%s) AND topic <> '' ORDER BY id FOR NO KEY UPDATE
"""
MARK_NOTIFIED = """
UPDATE events_event e
   SET status = 'NOTIFIED'
 WHERE e.id = ANY(%s)
   AND (SELECT bool_and(d.status = 'delivered') FROM events_delivery d WHERE d.event_id = e.id)
"""
RELEASE = """
UPDATE events_delivery d
   SET status = CASE WHEN s.active THEN d.status ELSE 'queued' END,
       lease_id = NULL,
       lease_until = NULL
  FROM unnest(%(ids)s::bigint[], %(leases)s::uuid[]) AS r (id, lease_id), events_subscription s
 WHERE d.id = r.id AND d.lease_id = r.lease_id AND s.id = d.subscription_id
RETURNING d.subscription_id, d.next_attempt_at
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that was leased."""

    delivery_id: int
    lease_id: uuid.UUID
    subscription_id: int


@dataclass(frozen=True, slots=True)
class Attempted(Held):
    """One attempt that was made, what it came to, and what follows."""

    url: str  # that it went to
    was_failing: bool
    started_at: datetime
    duration_ms: int
    answer: Answer
    decision: Decision
    ordered: bool = False  # others may wait for it
    word: Word | None = None  # on its server, where a breaker wants it


@dataclass(frozen=True, slots=True)
class Released(Held):
    """Not attempted: due again, or queued if its subscription is off."""


class Pending(NamedTuple):
    """What could not be stored yet: the subscriptions of it are locked by somebody else."""

    attempted: list[Attempted]
    released: list[Released]


def commit(attempted: Sequence[Attempted], released: Sequence[Released], now: datetime) -> Pending:
    """Stores both in one transaction and returns what of it is to be stored later.

    Doing it twice changes nothing.

    1. Lock the subscriptions; leave for later what belongs to those that somebody else has.
    2. Turn on and off what the attempts say of them.
    3. Move the deliveries, and write a row for each attempt.
    4. Mark the events of topics that have arrived everywhere; let go on what waited for one.
    5. Give back what was not attempted.
    """
    wanted = {one.subscription_id for one in (*attempted, *released)}
    changing = any(one.was_failing or one.ordered or not one.answer.delivered for one in attempted)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK_CHANGING if changing else LOCK_STEADY, [sorted(wanted)])
        locked = {row[0] for row in cursor.fetchall()}
        later: set[int] = set()
        if locked != wanted:
            cursor.execute(STILL_THERE, [sorted(wanted - locked)])
            later = {row[0] for row in cursor.fetchall()}
        pending = Pending(
            [one for one in attempted if one.subscription_id in later],
            [one for one in released if one.subscription_id in later],
        )
        _store(
            cursor,
            [one for one in attempted if one.subscription_id in locked],
            [one for one in released if one.subscription_id in locked],
            now,
        )
    return pending


def _store(
    cursor: CursorWrapper,
    attempted: Sequence[Attempted],
    released: Sequence[Released],
    now: datetime,
) -> None:
    # The latest word on each subscription decides: the attempts are in the order of their ends.
    sound = {one.subscription_id: one.answer.delivered for one in attempted}
    was_failing = {one.subscription_id for one in attempted if one.was_failing}
    recovered = [key for key, delivered in sound.items() if delivered and key in was_failing]
    failing = [key for key, delivered in sound.items() if not delivered]
    words = [one.word for one in attempted if one.word is not None]
    tried = {one.subscription_id: one.url for one in attempted}
    off: set[int] = set()
    if words:
        breaker.store(cursor, words, now)
    if failing:
        cursor.execute(MARK_FAILING, [now, failing, [tried[key] for key in failing]])
    if recovered:
        cursor.execute(MARK_SOUND, [recovered])
    for one in attempted:
        if one.decision.deactivate and not _is_given_up_alone(cursor, one):
            cursor.execute(DEACTIVATE, [now, one.decision.deactivate, one.subscription_id, one.url])
            off.update(row[0] for row in cursor.fetchall())
    if attempted:
        cursor.execute(MOVE, {"outcomes": _outcomes(attempted), "now": now})
        arrived = [row[0] for row in cursor.fetchall()]
        if arrived:
            mark_notified(cursor, arrived)
        in_order = [
            one.delivery_id
            for one in attempted
            if one.ordered
            and one.decision.status in (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED)
        ]
        if in_order:
            order.go_on(in_order, now)
        _wake(
            [
                (one.subscription_id, one.decision.next_attempt_at)
                for one in attempted
                if not one.answer.delivered
            ]
        )
    if released:
        cursor.execute(
            RELEASE,
            {
                "ids": [one.delivery_id for one in released],
                "leases": [one.lease_id for one in released],
            },
        )
        _wake(cursor.fetchall())
    for subscription_id in sorted(off):
        queue_pending(subscription_id, now)


def mark_notified(cursor: CursorWrapper, event_ids: list[int]) -> None:
    """Mark those of a topic whose every delivery has arrived."""
    cursor.execute(LOCK_SHARED_EVENTS, [event_ids])
    shared = [row[0] for row in cursor.fetchall()]
    if shared:
        cursor.execute(MARK_NOTIFIED, [shared])


def _wake(due: Sequence[tuple[int, datetime]]) -> None:
    """Tell when these subscriptions have something due."""
    if due:
        subscriptions, times = zip(*due, strict=True)
        wakeups.wake(wakeups.DELIVERIES, subscriptions, min(times))


def _is_given_up_alone(cursor: CursorWrapper, one: Attempted) -> bool:
    """Return whether others arrived where this delivery failed for the last time."""
    if one.decision.status != DeliveryStatus.FAILED:
        return False
    cursor.execute(OTHERS_ARRIVED, [TEST, one.delivery_id])
    return bool(cursor.fetchone()[0])


def _outcomes(attempted: Sequence[Attempted]) -> str:
    """The rows of MOVE as JSON: arrays, written value by value, would cost far more CPU."""
    rows = [
        {
            "id": one.delivery_id,
            "lease_id": one.lease_id,
            "status": DeliveryStatus(one.decision.status).value,
            "url": one.url,
            "failures": one.decision.failures,
            "first_failed_at": one.decision.first_failed_at,
            "next_attempt_at": one.decision.next_attempt_at,
            "started_at": one.started_at,
            "duration_ms": one.duration_ms,
            "status_code": one.answer.status,
            "error": one.answer.error,
            "response_excerpt": one.answer.excerpt,
        }
        for one in attempted
    ]
    return json.dumps(rows, default=str)
