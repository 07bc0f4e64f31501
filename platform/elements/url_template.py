"""The `${…}` of a polled url: a date in its place, written before the url is read as one.

    ${gmtDate:FMT}             in UTC
    ${date:FMT}                in the zone of the instance, UTC without one
    ${date}                    as the provider writes dates, by datesConfiguration
    ${dateTimeZone:ZONE:FMT}   in ZONE: America/Denver, -8:00, PST
    ${epoch}                   milliseconds since 1970; :s seconds, :ms, :us microseconds

FMT is a pattern of elements.date_pattern. What is put into the url is percent-encoded.

A local time that doesn't say how far it is from UTC is repeated when the clock is set back. It is
written so that every later time reads later: in the hours before the change, earlier by as much.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from urllib.parse import quote

from ceql.moment import EPOCH
from elements.date_pattern import DateFormat, format_of
from elements.errors import ParameterError, PatternError, ZoneError
from elements.record_dates import RecordDates
from elements.zones import zone

MARK = "${"
TEMPLATE = re.compile(r"\$\{([^}]*)\}?")
ZONED = re.compile(r"((?:GMT|UTC)?[+-]\d{1,2}(?::?\d\d)?(?=:)|[^:]*):(.*)", re.DOTALL)
UNITS = {
    "": timedelta(milliseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "us": timedelta(microseconds=1),
}
KNOWN = (
    "${gmtDate:yyyy-MM-dd}, ${date:yyyy-MM-dd}, ${date}, "
    "${dateTimeZone:America/Denver:yyyy-MM-dd}, ${epoch}, ${epoch:s} and ${epoch:us}"
)
LONGEST_CHANGE = timedelta(hours=3)  # that a clock is set back by: Antarctica/Casey, 2022

Write = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Template:
    """One `${…}` of a url, from `start` to `end`."""

    start: int
    end: int
    write: Write


def templates_of(url: str, dates: RecordDates) -> list[Template]:
    """Raises ParameterError, whose path is the template."""
    return [
        Template(match.start(), match.end(), _write(match[0], match[1], dates))
        for match in TEMPLATE.finditer(url)
    ]


def filled(url: str, since: datetime, dates: RecordDates) -> str:
    """The url with `since` in place of every template. Raises ParameterError."""
    parts, last = [], 0
    for template in templates_of(url, dates):
        parts += [url[last : template.start], quote(template.write(since), safe="")]
        last = template.end
    return "".join((*parts, url[last:]))


def _write(template: str, inner: str, dates: RecordDates) -> Write:
    if not template.endswith("}"):
        raise ParameterError(template[:60], "has no closing brace")
    name, colon, rest = inner.partition(":")
    try:
        match name:
            case "gmtDate" if rest:
                return partial(_written, format_of(rest), UTC)
            case "date" if rest:
                return partial(_written, format_of(rest), dates.zone)
            case "date" if not colon:
                if dates.own is None:
                    raise ParameterError(
                        template, "needs updatedDateField and updatedDateFormat: it is written so"
                    )
                return partial(_written, dates.own.format, dates.own.zone)
            case "dateTimeZone" if (zoned := ZONED.fullmatch(rest)) is not None and zoned[2]:
                return partial(_written, format_of(zoned[2]), zone(zoned[1]))
            case "epoch" if rest in UNITS and (rest or not colon):
                return partial(_epoch, UNITS[rest])
    except PatternError as error:
        raise ParameterError(template[:120], f"its pattern {error}") from error
    except ZoneError as error:
        raise ParameterError(template[:120], str(error)) from error
    raise ParameterError(template[:120], f"is not known; known are {KNOWN}")


def _epoch(unit: timedelta, since: datetime) -> str:
    return str((since - EPOCH) // unit)


def _written(written: DateFormat, place: tzinfo, since: datetime) -> str:
    local = since.astimezone(place)
    if written.tells_zone:
        return written.write(local)
    return written.write(since.astimezone(timezone(_least_offset(since, place))))


def _least_offset(since: datetime, place: tzinfo) -> timedelta:
    """From UTC, at `since` or soon after, when the clock is set back."""
    times = (since.astimezone(place), (since + LONGEST_CHANGE).astimezone(place))
    return min(time.utcoffset() or timedelta() for time in times)
