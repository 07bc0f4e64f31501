"""Writes the changes that polls found as events with their deliveries, those of many polls at once.

All of it happens within the caller's transaction, so that the events of a poll and its moved
cursor are stored together or not at all.

Rule 1: a subscription stays locked until the deliveries are there: else one that is deactivated,
deleted or given a URL meanwhile would miss these.
Rule 2: `lock_targets` waits for no lock; what somebody else has is handed back. `record_changes`
waits, for its caller has nothing else to do.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db import connection

from elements.calls import Change
from events import order, payload
from events.models import DeliveryStatus, EventStatus
from events.payload import Source
from events.record import event_ids, require_transaction, source_of, storable
from worker import wakeups

MAX_BATCH = 4_000_000  # bytes of bodies that are written by one statement, or one body

TARGETS = """
SELECT id, instance_id, active, ordered FROM events_subscription
WHERE instance_id = ANY(%s) AND (url <> '' OR channel = 'queue')
ORDER BY id
FOR SHARE
"""
LOCK_TARGETS = f"{TARGETS} SKIP LOCKED"
TARGETS_THERE = """
SELECT instance_id FROM events_subscription
WHERE instance_id = ANY(%s) AND (url <> '' OR channel = 'queue')
"""
WRITE_EVENTS = """
INSERT INTO events_event
    (id, organization_id, instance_id, object_type, status, objects_found, severity, poll_run,
     body, created_at, topic, sender, message, acknowledged)
SELECT id, organization_id, instance_id, object_type, status, objects_found, 'low', poll_run,
       body, %s, '', '', '', FALSE
FROM json_to_recordset(%s) AS event(
    id bigint, organization_id bigint, instance_id bigint, object_type text, status text,
    objects_found jsonb, poll_run bigint, body text)
ORDER BY id
"""
# In the order of the events, since earlier means a lower id (events.order).
WRITE_DELIVERIES = """
INSERT INTO events_delivery
    (organization_id, event_id, subscription_id, webhook_id, object_keys, status,
     next_attempt_at, created_at, attempts_made, failures)
SELECT organization_id, event_id, subscription_id, webhook_id, object_keys, status,
       %(now)s, %(now)s, 0, 0
FROM json_to_recordset(%(rows)s) AS delivery(
    organization_id bigint, event_id bigint, subscription_id bigint, webhook_id text,
    object_keys bigint[], status text)
ORDER BY event_id
RETURNING id, object_keys IS NOT NULL
"""


class Target(NamedTuple):
    """The subscription of an instance, which has a callback URL or is a queue."""

    id: int
    instance_id: int
    active: bool
    ordered: bool


class Found(NamedTuple):
    """What one poll found, oldest first. `poll_run` is the id of its run."""

    source: Source
    object_type: str
    changes: Sequence[Change]
    target: Target | None
    poll_run: int | None = None


class _Draft(NamedTuple):
    """An event to be written, and how its body is made once its id is known."""

    found: Found
    objects_found: list[dict[str, str]]
    body_of: Callable[[int], str]


def lock_targets(instance_ids: Collection[int]) -> tuple[dict[int, Target], set[int]]:
    """Locks the subscriptions of these instances for reading, {instance: subscription}.

    The second are the instances whose subscription somebody else has locked, or whose turn it is
    not (events.order).
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK_TARGETS, [sorted(instance_ids)])
        targets = {row[1]: Target._make(row) for row in cursor.fetchall()}
        locked: set[int] = set()
        missing = set(instance_ids) - targets.keys()
        if missing:
            cursor.execute(TARGETS_THERE, [sorted(missing)])
            locked = {instance_id for (instance_id,) in cursor.fetchall()}
    ordered = {one.id: one.instance_id for one in targets.values() if one.ordered}
    taken = order.try_turns(list(ordered)) if ordered else set()
    locked.update(instance_id for id_, instance_id in ordered.items() if id_ not in taken)
    return targets, locked


def record_changes(
    instance: Any,
    object_type: str,
    changes: Sequence[Change],
    now: datetime,
    *,
    poll_run: int | None = None,
) -> list[int]:
    """Stores `changes` (oldest first) as notifications of at most ten; returns the event ids.

    Must be called inside a transaction. `instance` is an ElementInstance. Makes a delivery of each
    event when the instance has a callback URL, due at once; queued when the subscription is
    deactivated. `poll_run` is the id of the poll's run.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(TARGETS, [[instance.pk]])
        target = next(iter(Target._make(row) for row in cursor.fetchall()), None)
    if target is not None and target.ordered:
        order.take_turn(target.id)
    found = Found(source_of(instance), object_type, changes, target, poll_run)
    return record_found([found], now)[0]


def record_found(found: Sequence[Found], now: datetime) -> list[list[int]]:
    """Stores what polls found as notifications of at most ten objects; returns each one's events.

    Must be called inside a transaction that has the targets locked.
    """
    require_transaction()
    drafts = [list(_drafts(one, now)) for one in found]
    count = sum(map(len, drafts))
    if not count:
        return [[] for _ in found]
    ids = iter(event_ids(count))
    written = [[(next(ids), draft) for draft in some] for some in drafts]
    together = [one for some in written for one in some]
    _write_events(together, now)
    _deliver(together, now)
    return [[event_id for event_id, _ in some] for some in written]


def unrecorded(
    instance: Any, object_type: str, changes: Sequence[Change], now: datetime, *, event_id: int = 0
) -> list[Callable[[], str]]:
    """What writes the body of each notification that `record_changes` would store, byte for byte
    but for their ids: `event_id` stands in their place. Stores nothing."""
    found = Found(source_of(instance), object_type, changes, None)
    return [partial(draft.body_of, event_id) for draft in _drafts(found, now)]


def _drafts(found: Found, now: datetime) -> Iterator[_Draft]:
    """Splits by ten, and further where the records of ten are too large for one body."""
    for start in range(0, len(found.changes), payload.LARGEST_BATCH):
        for batch in _small_enough(found.changes[start : start + payload.LARGEST_BATCH]):
            yield _draft(found, batch, now)


def _small_enough(batch: Sequence[Change]) -> Iterator[Sequence[Change]]:
    if len(batch) == 1:
        yield batch
        return
    taken: list[Change] = []
    size = 0
    for change in batch:
        record_size = len(payload.compact(change.record).encode())
        if taken and size + record_size > payload.LARGEST_BODY:
            yield taken
            taken, size = [], 0
        taken.append(change)
        size += record_size
    if taken:
        yield taken


def _draft(found: Found, batch: Sequence[Change], now: datetime) -> _Draft:
    return _Draft(
        found,
        [
            {"objectId": storable(change.object_id), "eventType": change.change_type.value}
            for change in batch
        ],
        lambda event_id: payload.of_changes(found.source, event_id, found.object_type, batch, now),
    )


def _write_events(written: Sequence[tuple[int, _Draft]], now: datetime) -> None:
    """A body is made when it is written: all of a batch together may be large."""
    rows: list[dict[str, Any]] = []
    size = 0
    for event_id, draft in written:
        source = draft.found.source
        body = draft.body_of(event_id)
        status = EventStatus.NEW if draft.found.target is None else EventStatus.DISPATCHED
        if rows and size + len(body) > MAX_BATCH:
            _insert_events(rows, now)
            rows, size = [], 0
        rows.append(
            {
                "id": event_id,
                "organization_id": source.organization_id,
                "instance_id": source.instance_id,
                "object_type": draft.found.object_type,
                "status": status.value,
                "objects_found": draft.objects_found,
                "poll_run": draft.found.poll_run,
                "body": body,
            }
        )
        size += len(body)
    _insert_events(rows, now)


def _insert_events(rows: Sequence[dict[str, Any]], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WRITE_EVENTS, [now, json.dumps(rows)])


def _deliver(written: Sequence[tuple[int, _Draft]], now: datetime) -> None:
    rows = [
        {
            "organization_id": draft.found.source.organization_id,
            "event_id": event_id,
            "subscription_id": target.id,
            "webhook_id": f"msg_{secrets.token_hex(16)}",
            "object_keys": _keys(target, draft),
            "status": (DeliveryStatus.CREATED if target.active else DeliveryStatus.QUEUED).value,
        }
        for event_id, draft in written
        if (target := draft.found.target) is not None
    ]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(WRITE_DELIVERIES, {"now": now, "rows": json.dumps(rows)})
        ordered = [id_ for id_, is_ordered in cursor.fetchall() if is_ordered]
    targets = {draft.found.target.id for _, draft in written if draft.found.target is not None}
    wakeups.wake(wakeups.DELIVERIES, targets, now)
    if ordered:
        order.hold(ordered)


def _keys(target: Target, draft: _Draft) -> list[int] | None:
    if not target.ordered:
        return None
    return order.keys_of(target.id, (one["objectId"] for one in draft.objects_found))
