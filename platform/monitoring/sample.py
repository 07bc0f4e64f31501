"""One row a minute of what counting would cost too much on every look.

Idle polls write no row, so those of a minute are counted by when each resource was last polled.
The worker takes a sample each minute; of two that do, the second is not kept. A minute without a
worker has none: a gap in a chart is a gap in the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from config import clock
from config.given_postgres.limits import maintenance
from monitoring.models import Sample
from polling import overdue

MINUTE = timedelta(minutes=1)
KEPT = timedelta(days=8)

INSTANCES = """
SELECT count(*) FILTER (WHERE valid AND enabled), count(*) FILTER (WHERE NOT valid),
       count(*) FILTER (WHERE valid AND NOT enabled)
  FROM instances_elementinstance
"""
# One pass over the table a minute is cheaper than an index that every poll would have to keep.
POLLS = """
SELECT count(*), count(*) FILTER (WHERE failures > 0)
  FROM polling_pollingresource
 WHERE last_polled_at >= %(since)s AND last_polled_at < %(until)s
"""
EVENTS = """
SELECT count(*) FROM events_event WHERE created_at >= %(since)s AND created_at < %(until)s
"""
# Ids follow time, near enough for a chart.
ATTEMPTS = """
SELECT count(*), count(*) FILTER (WHERE status_code IS NULL OR status_code NOT BETWEEN 200 AND 299),
       COALESCE(max(id), %(last)s)
  FROM events_deliveryattempt
 WHERE id > %(last)s AND started_at >= %(since)s
"""
SUMS = """
SELECT date_bin(%(step)s::interval, at, %(until)s) AS step, sum(polls), sum(failed_polls),
       sum(events), sum(attempts), sum(failed_attempts)
  FROM monitoring_sample
 WHERE at >= %(since)s AND at < %(until)s
 GROUP BY step ORDER BY step
"""


class Sums(NamedTuple):
    """What happened in one step of a period."""

    begins: datetime
    polls: int = 0
    failed_polls: int = 0
    events: int = 0
    attempts: int = 0
    failed_attempts: int = 0


@maintenance()
def take(now: datetime) -> Sample | None:
    """Of the minute before the one of `now`; None when it has been taken already."""
    until = now.replace(second=0, microsecond=0)
    since = until - MINUTE
    if Sample.objects.filter(pk=since).exists():
        return None
    before = latest(now)
    span = {"since": since, "until": until}
    with connection.cursor() as cursor:
        connected, lost, disabled = _row(cursor, INSTANCES, {})
        polls, failed_polls = _row(cursor, POLLS, span)
        (events,) = _row(cursor, EVENTS, span)
        counted = {"last": before.last_attempt_id if before else 0, "since": since - MINUTE}
        attempts, failed_attempts, last = _row(cursor, ATTEMPTS, counted)
    sample = Sample(
        at=since,
        connected=connected,
        lost=lost,
        disabled=disabled,
        overdue=overdue.resources(now).values("instance_id").distinct().count(),
        polls=polls,
        failed_polls=failed_polls,
        events=events,
        attempts=attempts,
        failed_attempts=failed_attempts,
        last_attempt_id=last,
    )
    Sample.objects.bulk_create([sample], ignore_conflicts=True)
    if not clock.differs():
        Sample.objects.filter(at__lt=now - KEPT).delete()
    return sample


def latest(now: datetime) -> Sample | None:
    """None before the first one. It may be old where no worker runs."""
    return Sample.objects.filter(at__lte=now).order_by("-at").first()


def sums(step: timedelta, steps: int, now: datetime) -> Sequence[Sums]:
    """Of each step, oldest first, up to the last whole minute; nothing where no sample is."""
    until = now.replace(second=0, microsecond=0)
    since = until - steps * step
    with connection.cursor() as cursor:
        cursor.execute(SUMS, {"step": f"{step.total_seconds()} s", "since": since, "until": until})
        found = {begins: Sums(begins, *map(int, counts)) for begins, *counts in cursor.fetchall()}
    begins = [since + place * step for place in range(steps)]
    return [found.get(at, Sums(at)) for at in begins]


def _row(cursor: CursorWrapper, statement: str, span: dict[str, Any]) -> tuple[int, ...]:
    cursor.execute(statement, span)
    row: tuple[int, ...] = cursor.fetchone()
    return row
