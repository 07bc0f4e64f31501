"""What an instance did in an hour, a day or a week, as bars: polls, events, deliveries, failures.

Three statements, each a range of an index. Polls that found nothing leave no row, so that a million
of them cost nothing: the bars are of polls that had something to tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from console.place import BEGINNING
from instances.models import ElementInstance
from monitoring.chart import Chart, chart

_PLACE = "floor(extract(epoch FROM {at} - %(since)s::timestamptz) / %(step)s)::int"
POLLS = f"""
SELECT {_PLACE.format(at="p.started_at")} AS place, count(*),
       count(*) FILTER (WHERE p.outcome = 'failed')
  FROM polling_pollingresource r
  JOIN polling_pollrun p ON p.resource_id = r.id
 WHERE r.instance_id = %(instance)s AND p.started_at >= %(since)s AND p.started_at < %(until)s
 GROUP BY place
"""  # noqa: S608 - made of constants
EVENTS = f"""
SELECT {_PLACE.format(at="e.created_at")} AS place, count(*),
       count(*) FILTER (WHERE e.status = 'NOTIFIED' OR d.id IS NOT NULL)
  FROM events_event e
  LEFT JOIN events_delivery d ON d.event_id = e.id AND d.status = 'delivered'
        AND e.status = 'DISPATCHED' AND e.topic = ''
 WHERE e.instance_id = %(instance)s AND e.created_at >= %(since)s AND e.created_at < %(until)s
 GROUP BY place
"""  # noqa: S608 - made of constants
# What has not arrived is rare, and has indexes of its own.
UNDELIVERED = f"""
SELECT {_PLACE.format(at="e.created_at")} AS place, count(*)
  FROM events_subscription s
  JOIN events_delivery d ON d.subscription_id = s.id AND d.status IN ('retry', 'queued', 'failed')
  JOIN events_event e ON e.id = d.event_id AND e.instance_id IS NOT NULL
 WHERE s.instance_id = %(instance)s AND s.channel = 'webhook'
   AND e.created_at >= %(since)s AND e.created_at < %(until)s
 GROUP BY place
"""  # noqa: S608 - made of constants


class Period(NamedTuple):
    """How far back, and in how many bars."""

    key: str
    step: timedelta
    bars: int
    begins: str  # for people

    @property
    def steps(self) -> str:
        minutes = self.step // timedelta(minutes=1)
        return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


PERIODS = (
    Period("hour", timedelta(minutes=1), 60, "an hour ago"),
    Period("day", timedelta(minutes=30), 48, "a day ago"),
    Period("week", timedelta(hours=4), 42, "a week ago"),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """One bar's time, and what is counted in it."""

    begins: datetime
    polls: int = 0
    failed_polls: int = 0
    events: int = 0
    delivered: int = 0
    undelivered: int = 0

    @property
    def empty(self) -> bool:
        return not (self.polls or self.events or self.undelivered)


def period_of(key: str) -> Period:
    """The one that is asked for; else a day."""
    return next((one for one in PERIODS if one.key == key), PERIODS[1])


def counted(instance: ElementInstance, period: Period, now: datetime) -> list[Counted]:
    """Whole steps, the last one that of `now`."""
    until = BEGINNING + ((now - BEGINNING) // period.step + 1) * period.step
    since = until - period.bars * period.step
    asked = {
        "instance": instance.pk,
        "since": since,
        "until": until,
        "step": period.step.total_seconds(),
    }
    polls, events, undelivered = (_by_place(one, asked) for one in (POLLS, EVENTS, UNDELIVERED))
    return [
        Counted(
            since + place * period.step,
            *polls.get(place, (0, 0)),
            *events.get(place, (0, 0)),
            *undelivered.get(place, (0,)),
        )
        for place in range(period.bars)
    ]


def charts(found: Sequence[Counted]) -> list[Chart]:
    times = [one.begins for one in found]
    polls = [(one.polls - one.failed_polls, one.failed_polls) for one in found]
    events = [(one.events, 0) for one in found]
    deliveries = [(one.delivered, one.undelivered) for one in found]
    return [
        chart("Polls with news", "failed", times, polls),
        chart("Events", "", times, events),
        chart("Deliveries", "not arrived", times, deliveries),
    ]


def _by_place(statement: str, asked: Mapping[str, Any]) -> dict[int, tuple[int, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return {place: tuple(numbers) for place, *numbers in cursor.fetchall()}
