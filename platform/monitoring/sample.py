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
from elements import catalogue
from monitoring.models import Sample
from polling import overdue

MINUTE = timedelta(minutes=1)
WINDOW_MINUTES = 10  # that tell which resources fail now
FRESH = timedelta(minutes=5)  # an older sample says nothing of this moment
KEPT = timedelta(days=8)

INSTANCES = """
SELECT count(*) FILTER (WHERE valid AND enabled), count(*) FILTER (WHERE NOT valid),
       count(*) FILTER (WHERE valid AND NOT enabled)
  FROM instances_elementinstance
"""
# One pass over the table a minute is cheaper than an index that every poll would have to keep.
# What fails is polled less and less often, and still fails between two polls.
POLLS = """
SELECT i.element_key, count(*), count(*) FILTER (WHERE r.failures > 0),
       count(*) FILTER (WHERE r.last_polled_at >= %(since)s AND r.last_polled_at < %(until)s),
       count(*) FILTER (WHERE r.last_polled_at >= %(since)s AND r.last_polled_at < %(until)s
                          AND r.failures > 0)
  FROM polling_pollingresource AS r
  JOIN instances_elementinstance AS i ON i.id = r.instance_id
 WHERE r.last_polled_at >= %(window)s OR (r.active AND r.failures > 0)
 GROUP BY i.element_key
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
        cursor.execute(POLLS, {**span, "window": until - WINDOW_MINUTES * MINUTE})
        polled = cursor.fetchall()
        (events,) = _row(cursor, EVENTS, span)
        counted = {"last": before.last_attempt_id if before else 0, "since": since - MINUTE}
        attempts, failed_attempts, last = _row(cursor, ATTEMPTS, counted)
    sample = Sample(
        at=since,
        connected=connected,
        lost=lost,
        disabled=disabled,
        overdue=overdue.resources(now).values("instance_id").distinct().count(),
        polls=sum(row[3] for row in polled),
        failed_polls=sum(row[4] for row in polled),
        elements={row[0]: row[1:3] for row in polled if catalogue.is_built_in(row[0])},
        events=events,
        attempts=attempts,
        failed_attempts=failed_attempts,
        last_attempt_id=last,
    )
    Sample.objects.bulk_create([sample], ignore_conflicts=True)
    if not clock.differs():
        Sample.objects.filter(at__lt=now - KEPT).delete()
    return sample


class Polled(NamedTuple):
    """Resources of one element that were polled in the last WINDOW_MINUTES or that fail."""

    resources: int
    failing: int  # whose last poll failed


def by_element(now: datetime) -> dict[str, Polled]:
    """Return how polls go by element, as of the last minute; empty where no worker took a sample.

    Private elements are left out: they are their makers' own.
    """
    taken = latest(now)
    if taken is None or taken.at < now - FRESH:
        return {}
    return {key: Polled(*counts) for key, counts in taken.elements.items()}


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
