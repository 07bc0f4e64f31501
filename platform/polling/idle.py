"""Stores polls that found nothing, and those that wait for units: each kind in one statement."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection

from polling import due, rows
from polling.poll import PutOff, Succeeded

# One statement for many idle polls. A row that somebody is changing is passed over: its lease runs
# out, and it is polled again. What was told while it was polled makes it due once more.
STORE_IDLE = """
UPDATE polling_pollingresource AS r
SET cursor = idle.cursor,
    next_poll_at = CASE WHEN r.told_at >= idle.started_at THEN r.told_at ELSE idle.next_poll_at END,
    last_polled_at = idle.started_at, last_success_at = idle.started_at,
    failures = 0, error = '', lease_id = NULL, lease_until = NULL,
    units_awaited_until = NULL, idle_units = idle.units, units_day = idle.day,
    units_today = idle.units + CASE WHEN r.units_day = idle.day THEN r.units_today ELSE 0 END
FROM (
    SELECT r.id, idle.cursor, idle.started_at, idle.next_poll_at, idle.units, idle.day
    FROM json_to_recordset(%s) AS idle(
        id bigint, lease_id uuid, cursor text, started_at timestamptz, next_poll_at timestamptz,
        units bigint, day date)
    JOIN polling_pollingresource AS r
        ON r.id = idle.id AND r.lease_id = idle.lease_id AND r.active
    ORDER BY r.id
    FOR UPDATE OF r SKIP LOCKED
) AS idle
WHERE r.id = idle.id
"""

# As STORE_IDLE, for polls that the provider's quota had no units left for.
PUT_OFF = """
UPDATE polling_pollingresource AS r
SET next_poll_at = off.until, units_awaited_until = off.until, lease_id = NULL, lease_until = NULL,
    units_day = off.day,
    units_today = off.units + CASE WHEN r.units_day = off.day THEN r.units_today ELSE 0 END
FROM (
    SELECT r.id, off.until, off.units, off.day
    FROM json_to_recordset(%s) AS off(
        id bigint, lease_id uuid, until timestamptz, units bigint, day date)
    JOIN polling_pollingresource AS r
        ON r.id = off.id AND r.lease_id = off.lease_id AND r.active
    ORDER BY r.id
    FOR UPDATE OF r SKIP LOCKED
) AS off
WHERE r.id = off.id
"""


class Idle(NamedTuple):
    """One row of STORE_IDLE."""

    id: int
    lease_id: uuid.UUID
    cursor: str
    started_at: datetime
    next_poll_at: datetime
    units: int
    day: date | None


class Off(NamedTuple):
    """One row of PUT_OFF."""

    id: int
    lease_id: uuid.UUID
    until: datetime
    units: int
    day: date | None


def idle(done: Succeeded, now: datetime) -> Idle:
    """What is stored of a poll that found nothing (`done.idle`)."""
    resource = done.resource
    next_poll_at = due.after_success(resource.due, resource.interval, now)
    return Idle(
        resource.id,
        resource.lease_id,
        done.changes.cursor,
        done.started_at,
        due.with_put_aside(next_poll_at, resource.put_aside_due_at, now),
        *done.cost,
    )


def commit_idle(polls: Sequence[Idle]) -> None:
    """Stores many polls that found nothing. Those whose lease is lost are passed over."""
    with connection.cursor() as cursor:
        cursor.execute(STORE_IDLE, [rows.recordset(polls)])


def off(put_off: PutOff, now: datetime) -> Off:
    """What is stored of a poll that there are no units for."""
    until = due.after_put_off(put_off.wait, now)
    return Off(put_off.resource.id, put_off.resource.lease_id, until, *put_off.cost)


def commit_put_off(polls: Sequence[Off]) -> None:
    """Stores many polls that wait for units. Cursors, errors and counts of failures stay."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_OFF, [rows.recordset(polls)])
