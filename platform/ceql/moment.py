"""Dates as where-clauses and records write them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ISO = re.compile(
    r"\d{4}-\d\d-\d\d (?P<time> [T ]\d\d:\d\d (?P<seconds> :\d\d (?P<fraction> [.,]\d{1,9})? )?"
    r" \s? (Z|[+-]\d\d:?\d\d)? )?",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
MICROSECONDS = Decimal(1_000_000)  # in a second
# From 1973 to 5138 a number below each limit counts the unit of that many microseconds.
UNITS = (
    (10**11, MICROSECONDS),
    (10**14, Decimal(1_000)),
    (10**17, Decimal(1)),
    (10**20, Decimal("0.001")),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as precise as it was written: '2026-01-31' is a day, with seconds it is a second.

    To equal it is to lie in it. `start` is in UTC.
    """

    start: datetime
    length: timedelta

    @property
    def end(self) -> datetime:
        """The first time that is no longer in it. The end of the calendar, at most."""
        return self._after(self.length)

    @property
    def next(self) -> datetime:
        """The first time that counts as later: > '2026-01-31' means later than its midnight."""
        return self._after(self.length if self.length <= SECOND else MILLISECOND)

    def _after(self, length: timedelta) -> datetime:
        last = datetime.max.replace(tzinfo=UTC)
        return self.start + length if self.start <= last - length else last


def moment(text: str) -> Moment | None:
    """Reads an ISO 8601 date, with or without a time and a zone (UTC where none stands)."""
    match = ISO.fullmatch(text.strip())
    if match is None:
        return None
    written = match[0].upper().replace(" ", "T", 1) if match["time"] else match[0]
    try:
        start = datetime.fromisoformat(written.replace(" ", "").replace(",", "."))
        if start.tzinfo is None:
            start = start.replace(tzinfo=UTC)
        return Moment(start.astimezone(UTC), _length(match))
    except (ValueError, OverflowError):  # no such day, or none in UTC's calendar
        return None


def moment_of(number: int | float | Decimal) -> Moment | None:
    """Read what counts since 1970. Its magnitude says whether it counts seconds (below 10¹¹),
    milliseconds, microseconds or nanoseconds.

    None when no calendar holds it.
    """
    counted = Decimal(str(number))
    if not counted.is_finite():
        return None
    unit = next((unit for limit, unit in UNITS if abs(counted) < limit), None)
    if unit is None:
        return None
    try:
        start = EPOCH + timedelta(microseconds=math.floor(counted * unit))
    except OverflowError:
        return None
    whole = counted == counted.to_integral_value()
    return Moment(start, SECOND if whole and unit == MICROSECONDS else MILLISECOND)


def _length(match: re.Match[str]) -> timedelta:
    if match["fraction"]:
        return MILLISECOND
    if match["seconds"]:
        return SECOND
    return MINUTE if match["time"] else DAY
