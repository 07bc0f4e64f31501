"""Stores what a poll came to: everything in one transaction, or nothing.

Rule 1: the fence. Only who still holds the row's lease may write; else all that was found is
dropped, for somebody else has the row, or it is polled no more. The cursor has not moved, so
whoever polls next finds it again.
Rule 2: events, deliveries, seen objects, put-aside objects and the cursor move together.
Rule 3: a failed poll moves no cursor.
Rule 4: the instance's row is locked before the resource's, as everyone does who changes both.
Rule 5: nobody's lock is waited for: the thread that stores serves all organizations, and deleting
an instance may take minutes.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import random
from typing import Any, NamedTuple

import structlog
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from elements.calls import Change, Changes, ChangeType
from events.record import record_changes
from instances.models import ElementInstance
from polling import due, reconciliation, runs, seen
from polling.claim import LEASE, ClaimedResource
from polling.models import PollingResource
from polling.poll import Cost, Failed, Outcome, PutOff, Succeeded
from polling.put_aside import PutAside, Waiting, discard, waiting
from polling.report import PollReport
from watching.notices import note_unannounced

log = structlog.get_logger()

LONGEST_NOTE = 1000  # characters that we keep

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

FENCE = """
SELECT cursor, next_poll_at, interval, failures, error, told_at, last_polled_at,
       units_day, units_today
FROM polling_pollingresource
WHERE id = %s AND lease_id = %s AND active
FOR UPDATE
"""


class InstanceLockedError(Exception):
    """Somebody is changing or deleting the instance just now: nothing is stored, try again."""


class Fenced(NamedTuple):
    """The row as it stands while its lease is ours."""

    cursor: str | None
    due: datetime
    interval: int  # seconds
    failures: int
    error: str
    told_at: datetime | None
    last_polled_at: datetime | None
    units_day: date | None
    units_today: int

    def told_since(self, moment: datetime | None) -> bool:
        """Whether the provider has said that there is news, at `moment` or later."""
        return self.told_at is not None and (moment is None or self.told_at >= moment)

    def spent(self, cost: Cost) -> dict[str, Any]:
        """The columns that count units, after a poll of that cost."""
        before = self.units_today if self.units_day == cost.day else 0
        return {
            "units_awaited_until": None,
            "units_day": cost.day,
            "units_today": before + cost.units,
        }


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
        # As JSON: to write five arrays value by value would take a twentieth of an idle poll's CPU.
        cursor.execute(STORE_IDLE, [json.dumps([row._asdict() for row in polls], default=str)])


def off(put_off: PutOff, now: datetime) -> Off:
    """What is stored of a poll that there are no units for."""
    until = due.after_put_off(put_off.wait, now)
    return Off(put_off.resource.id, put_off.resource.lease_id, until, *put_off.cost)


def commit_put_off(polls: Sequence[Off]) -> None:
    """Stores many polls that wait for units. Cursors, errors and counts of failures stay."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_OFF, [json.dumps([row._asdict() for row in polls], default=str)])


def commit(outcome: Outcome, now: datetime, *, keep_lease: bool = False) -> PollReport:
    """Stores one outcome. With `keep_lease` the row stays ours when more is due at once.

    Raises InstanceLockedError, and the errors of the database.
    """
    if isinstance(outcome, Failed):
        return _commit_failure(outcome, now)
    if isinstance(outcome, PutOff):
        commit_put_off([off(outcome, now)])
        left = waiting(outcome.resource.id, now)
        return PollReport(
            outcome.resource.name, "waiting", put_aside=left.count, error=outcome.error
        )
    if outcome.idle:
        commit_idle([idle(outcome, now)])
        return PollReport(outcome.resource.name, "idle")
    return _commit_success(outcome, now, keep_lease=keep_lease)


def _commit_success(done: Succeeded, now: datetime, *, keep_lease: bool) -> PollReport:
    """
    1. Lock the instance, then the row, if its lease is still ours.
    2. Leave out what events have told already.
    3. Remember the objects, or all of them anew; settle, keep and add put-aside ones.
    4. Write the run, when there is something to tell.
    5. Record the news as events of that run, with their deliveries.
    6. Move cursor and times, and give the row back.
    """
    resource, found = done.resource, done.changes
    with transaction.atomic():
        instance = _locked_instance(resource.instance_id)
        row = _fence(resource)
        if instance is None or row is None:
            return dropped(resource)
        rows = PutAside(resource.id, done.asked, found)
        news = seen.news(resource.id, found.changes, rows.created)
        _remember(resource.id, found, news)
        newly_put_aside = rows.store(now, cut_short=done.cut_short)
        left = waiting(resource.id, now)
        report = report_of(done, news, left)
        newly_left_out = done.left_out != resource.left_out
        if report.status != "idle" or newly_put_aside or newly_left_out:
            run = runs.write(done, report, newly_put_aside, now)
            events = record_changes(instance, resource.name, news, now, poll_run=run.pk)
            report = replace(report, events=tuple(events))
        next_poll_at = due.after_success(row.due, row.interval, now)
        if resource.cursor is None:  # so that many started together do not fall due together
            next_poll_at = now + (next_poll_at - now) * random()  # noqa: S311 - spreads load
        if row.told_at is not None and row.told_since(done.started_at):
            next_poll_at = row.told_at
        if found.more:
            next_poll_at = now + timedelta(seconds=done.pause)
        if report.found and not row.told_since(row.last_polled_at):
            note_unannounced(instance.pk, instance.element_key, resource.name)
        keep = keep_lease and report.more
        PollingResource.objects.filter(pk=resource.id).update(
            cursor=found.cursor,
            watched_since=resource.watched_since or done.started_at,
            next_poll_at=due.with_put_aside(next_poll_at, left.due_at, now),
            put_aside_due_at=left.due_at,
            last_polled_at=done.started_at,
            last_success_at=done.started_at,
            behind_since=done.behind_since,
            failures=0,
            error="",
            note=found.note[:LONGEST_NOTE],
            left_out=done.left_out,
            **row.spent(done.cost),
            **reconciliation.columns(resource, found, done.started_at),
            lease_id=resource.lease_id if keep else None,
            lease_until=now + LEASE if keep else None,
        )
    log.info(
        "poll.stored",
        resource=resource.id,
        status=report.status,
        found=report.found,
        put_aside=report.put_aside,
        events=list(report.events),
    )
    return report


def _remember(resource_id: int, found: Changes, news: Sequence[Change]) -> None:
    if found.picture is not None:
        seen.replace_all(resource_id, found.picture)
        discard(resource_id)
    last = {change.object_id: change for change in news}
    gone = {id_ for id_, one in last.items() if one.change_type is ChangeType.DELETED}
    if found.compared:
        seen.forget(resource_id, gone)
        news = [change for change in last.values() if change.object_id not in gone]
    seen.forget(resource_id, found.forgotten)
    seen.notice(resource_id, found.noticed)
    seen.remember(resource_id, news)


def _commit_failure(failed: Failed, now: datetime) -> PollReport:
    """Keeps the cursor, and says what is wrong: on the row always, as a run when it is news."""
    resource = failed.resource
    with transaction.atomic():
        instance = _locked_instance(resource.instance_id)
        row = _fence(resource)
        if instance is None or row is None:
            return dropped(resource)
        report = PollReport(resource.name, "failed", error=failed.error)
        if row.error != failed.error:
            runs.write(failed, report, 0, now)
            log.warning("poll.failed", resource=resource.id, error=failed.error)
        PollingResource.objects.filter(pk=resource.id).update(
            next_poll_at=due.after_failure(
                row.failures + 1,
                row.interval,
                now,
                retry_after=failed.retry_after,
                started=row.cursor is not None,
            ),
            last_polled_at=failed.started_at,
            failures=row.failures + 1,
            error=failed.error,
            **row.spent(failed.cost),
            lease_id=None,
            lease_until=None,
        )
    return report


def _locked_instance(instance_id: int) -> ElementInstance | None:
    """Locked for reading: it does not change or go until we are done. None when it is gone."""
    rows = ElementInstance.objects.raw(
        "SELECT id, organization_id, user_id, name, tags, element_key "
        "FROM instances_elementinstance WHERE id = %s FOR SHARE NOWAIT",
        [instance_id],
    )
    try:
        return next(iter(rows), None)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise InstanceLockedError from error
        raise


def _fence(resource: ClaimedResource) -> Fenced | None:
    with connection.cursor() as cursor:
        cursor.execute(FENCE, [resource.id, resource.lease_id])
        row = cursor.fetchone()
    return None if row is None else Fenced._make(row)


def dropped(resource: ClaimedResource) -> PollReport:
    """The report of a poll of which nothing was stored."""
    log.info("poll.dropped", resource=resource.id)
    return PollReport(resource.name, "dropped", error="the resource was taken back meanwhile")


def report_of(done: Succeeded, news: Sequence[Change], left: Waiting) -> PollReport:
    """What is to be said of a poll that succeeded, but for the events that it made."""
    kinds = Counter(change.change_type for change in news)
    gap, ended = done.changes.gap, done.changes.reconciliation
    if gap is not None:
        status = "recovered"
    elif ended is not None and ended.finished:
        status = "reconciled"
    elif done.resource.cursor is None or done.changes.picture is not None:
        status = "started"
    else:
        status = "found" if news or done.changes.missing else "idle"
    return PollReport(
        resource=done.resource.name,
        status=status,
        created=kinds[ChangeType.CREATED],
        updated=kinds[ChangeType.UPDATED],
        deleted=kinds[ChangeType.DELETED],
        missing=len(done.changes.missing),
        put_aside=left.count,
        gap_seconds=None if gap is None else round((gap.until - gap.since).total_seconds()),
        more=(left.due_now or done.changes.more) and not done.pause,
    )
