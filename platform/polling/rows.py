"""The statements by which many polls are stored together, each one for all of them.

Rule 1: no lock is waited for. Who has a row locked is changing or deleting it; that poll is handed
back, to be stored a moment later, and keeps no other waiting.
Rule 2: rows are locked in the order of their ids, as everyone does.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from polling.claim import ClaimedResource

# For reading: an instance does not change or go until the transaction has ended.
LOCK_INSTANCES = """
SELECT i.id, i.organization_id, u.account_id, i.user_id, i.name, i.element_key, i.tags
FROM instances_elementinstance AS i
JOIN accounts_user AS u ON u.id = i.user_id
WHERE i.id = ANY(%s)
ORDER BY i.id
FOR SHARE OF i SKIP LOCKED
"""
INSTANCES_THERE = "SELECT id FROM instances_elementinstance WHERE id = ANY(%s)"

# The last column is false of what is ours and somebody else has locked.
FENCE = """
WITH held AS (
    SELECT id, lease_id FROM unnest(%(ids)s::bigint[], %(lease_ids)s::uuid[]) AS held(id, lease_id)
), locked AS MATERIALIZED (
    SELECT r.*
    FROM held JOIN polling_pollingresource AS r ON r.id = held.id AND r.lease_id = held.lease_id
    WHERE r.active
    ORDER BY r.id
    FOR UPDATE OF r SKIP LOCKED
)
SELECT ours.id, ours.lease_id, locked.cursor, locked.next_poll_at, locked.interval,
       locked.failures, locked.error, locked.told_at, locked.last_polled_at, locked.units_day,
       locked.units_today, locked.put_aside_due_at, locked.id IS NOT NULL
FROM held
JOIN polling_pollingresource AS ours ON ours.id = held.id AND ours.lease_id = held.lease_id
LEFT JOIN locked ON locked.id = ours.id
WHERE ours.active
"""

MOVE = """
UPDATE polling_pollingresource AS r
SET cursor = moved.cursor,
    watched_since = moved.watched_since,
    next_poll_at = moved.next_poll_at,
    put_aside_due_at = moved.put_aside_due_at,
    behind_since = moved.behind_since,
    reconciliation = CASE WHEN moved.keeps_reconciliation THEN r.reconciliation
                          ELSE moved.reconciliation END,
    last_polled_at = moved.started_at, last_success_at = moved.started_at,
    failures = 0, error = '',
    note = moved.note, left_out = moved.left_out,
    units_awaited_until = NULL, units_day = moved.units_day, units_today = moved.units_today,
    lease_id = CASE WHEN moved.kept_until IS NULL THEN NULL ELSE r.lease_id END,
    lease_until = moved.kept_until
FROM json_to_recordset(%s) AS moved(
    id bigint, cursor text, watched_since timestamptz, next_poll_at timestamptz,
    put_aside_due_at timestamptz, behind_since timestamptz, keeps_reconciliation boolean,
    reconciliation jsonb, started_at timestamptz, note text, left_out text,
    units_day date, units_today bigint, kept_until timestamptz)
WHERE r.id = moved.id
"""
FAIL = """
UPDATE polling_pollingresource AS r
SET next_poll_at = failed.next_poll_at,
    last_polled_at = failed.started_at,
    failures = failed.failures, error = failed.error,
    units_awaited_until = NULL, units_day = failed.units_day, units_today = failed.units_today,
    lease_id = NULL, lease_until = NULL
FROM json_to_recordset(%s) AS failed(
    id bigint, next_poll_at timestamptz, started_at timestamptz, failures int, error text,
    units_day date, units_today bigint)
WHERE r.id = failed.id
"""


Lease = tuple[int, uuid.UUID]  # of a resource: one claim gives all its rows the same id


class InstanceRow(NamedTuple):
    """What events say of the instance that they come from."""

    pk: int
    organization_id: int
    account_id: int | None
    user_id: int
    name: str
    element_key: str
    tags: list[Any]


class Fenced(NamedTuple):
    """A resource's row as it stands while its lease is ours."""

    id: int
    lease_id: uuid.UUID
    cursor: str | None
    due: datetime
    interval: int  # seconds
    failures: int
    error: str
    told_at: datetime | None
    last_polled_at: datetime | None
    units_day: date | None
    units_today: int
    put_aside_due_at: datetime | None

    def told_since(self, moment: datetime | None) -> bool:
        """Whether the provider has said that there is news, at `moment` or later."""
        return self.told_at is not None and (moment is None or self.told_at >= moment)


class Moved(NamedTuple):
    """One row of MOVE. `kept_until` is the end of the lease where it is kept."""

    id: int
    cursor: str
    watched_since: datetime | None
    next_poll_at: datetime
    put_aside_due_at: datetime | None
    behind_since: datetime | None
    keeps_reconciliation: bool  # somebody may have asked for one meanwhile
    reconciliation: Mapping[str, Any] | None
    started_at: datetime
    note: str
    left_out: str
    units_day: date | None
    units_today: int
    kept_until: datetime | None


class Unmoved(NamedTuple):
    """One row of FAIL."""

    id: int
    next_poll_at: datetime
    started_at: datetime
    failures: int
    error: str
    units_day: date | None
    units_today: int


def lock_instances(ids: Collection[int]) -> tuple[dict[int, InstanceRow], set[int]]:
    """Locks instances for reading; returns them, and the ids of those that somebody changes."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_INSTANCES, [sorted(ids)])
        locked = {
            row[0]: InstanceRow._make((*row[:-1], json.loads(row[-1]))) for row in cursor.fetchall()
        }
        missing = set(ids) - locked.keys()
        if not missing:
            return locked, set()
        cursor.execute(INSTANCES_THERE, [sorted(missing)])
        return locked, {id_ for (id_,) in cursor.fetchall()}


def fence(resources: Sequence[ClaimedResource]) -> tuple[dict[Lease, Fenced], set[Lease]]:
    """Locks the rows whose leases are still ours; returns them, and those of them that somebody
    else has locked."""
    held: dict[str, list[int] | list[uuid.UUID]] = {
        "ids": [one.id for one in resources],
        "lease_ids": [one.lease_id for one in resources],
    }
    fenced: dict[Lease, Fenced] = {}
    busy: set[Lease] = set()
    with connection.cursor() as cursor:
        cursor.execute(FENCE, held)
        for *columns, is_locked in cursor.fetchall():
            lease = columns[0], columns[1]
            if is_locked:
                fenced[lease] = Fenced._make(columns)
            else:
                busy.add(lease)
    return fenced, busy


def move(rows: Sequence[Moved]) -> None:
    """Moves cursors and times of polls that succeeded, and gives the rows back."""
    _update(MOVE, rows)


def fail(rows: Sequence[Unmoved]) -> None:
    """Says on the rows of polls that failed what is wrong, and gives them back."""
    _update(FAIL, rows)


def _update(statement: str, rows: Sequence[Moved] | Sequence[Unmoved]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(statement, [recordset(rows)])


def recordset(rows: Iterable[Any]) -> str:
    """Named tuples as json_to_recordset takes them: as arrays, written value by value, they would
    cost far more CPU."""
    return json.dumps([row._asdict() for row in rows], default=str)
