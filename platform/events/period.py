"""Reads `from`, `to` and `interval` of a query, and cuts a time into whole intervals, in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime

from api.errors import BadRequest

MOST_BUCKETS = 5_000
DEFAULT_SPAN = timedelta(days=7)
DEFAULT_INTERVAL = "day"
FIRST_YEAR, LAST_YEAR = 1970, 2999
STEPS = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}
INTERVALS = ("year", "month", *STEPS)
SHORTEST = {**STEPS, "year": timedelta(days=365), "month": timedelta(days=28)}


@dataclass(frozen=True, slots=True)
class Bucket:
    """From `start` up to, and not including, `end`."""

    start: datetime
    end: datetime


def moment(query: Mapping[str, Any], name: str, *, end_of_day: bool = False) -> datetime | None:
    """An ISO 8601 date or time; None when absent. Without an offset it is UTC's.

    A date is its beginning, or its last microsecond for `end_of_day`. Raises BadRequest.
    """
    text = str(query.get(name, "")).strip()
    if not text:
        return None
    try:
        found = _read(text, end_of_day=end_of_day)
    except ValueError:  # of the right form, and no date
        found = None
    if found is None or not FIRST_YEAR < found.year < LAST_YEAR:
        raise BadRequest(
            f"{name} must be a date or time in ISO 8601, such as 2026-01-31 or "
            f"2026-01-31T12:00:00Z, of the years {FIRST_YEAR + 1} to {LAST_YEAR - 1}"
        )
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _read(text: str, *, end_of_day: bool) -> datetime | None:
    if day := parse_date(text):
        return datetime.combine(day, time.max if end_of_day else time.min)
    # A plus sign that was not percent-encoded arrives as a blank.
    return parse_datetime(re.sub(r"(?<=[0-9.]) (?=[0-9]{2}:?[0-9]{2}$)", "+", text))


def buckets(query: Mapping[str, Any], now: datetime) -> list[Bucket]:
    """Every interval from the one of `from` to the one of `to`, both included.

    Unless given, `to` is now, `from` seven days before it, and the interval a day. Raises
    BadRequest for a time that ends before it begins, and for more than MOST_BUCKETS.
    """
    interval = str(query.get("interval", "")).strip().lower() or DEFAULT_INTERVAL
    if interval not in INTERVALS:
        raise BadRequest(f"interval must be one of {', '.join(INTERVALS)}")
    end = moment(query, "to") or now
    start = moment(query, "from") or end - DEFAULT_SPAN
    if start > end:
        raise BadRequest("from must not be later than to")
    if (end - start) / SHORTEST[interval] > MOST_BUCKETS:
        raise BadRequest(
            f"from {start.isoformat()} to {end.isoformat()} has more than {MOST_BUCKETS} "
            f"intervals of a {interval}: take a longer interval or a shorter time"
        )
    edges = [_beginning(start, interval)]
    while edges[-1] <= end:
        edges.append(_next(edges[-1], interval))
    return [Bucket(first, second) for first, second in pairwise(edges)]


def _beginning(instant: datetime, interval: str) -> datetime:
    """The beginning of the interval that the instant is in. A week begins on Monday."""
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval == "year":
        return midnight.replace(month=1, day=1)
    if interval == "month":
        return midnight.replace(day=1)
    if interval == "week":
        return midnight - timedelta(days=midnight.weekday())
    step = STEPS[interval]
    return midnight + (instant - midnight) // step * step


def _next(beginning: datetime, interval: str) -> datetime:
    if interval == "year":
        return beginning.replace(year=beginning.year + 1)
    if interval == "month":
        return _beginning(beginning + timedelta(days=31), "month")
    return beginning + STEPS[interval]
