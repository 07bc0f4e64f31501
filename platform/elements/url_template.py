"""The `${…}` of a polled url: a date in its place, written before the url is read as one.

    ${gmtDate:FMT}             in UTC
    ${date:FMT}                in the zone of the instance, UTC without one
    ${date}                    as the provider writes dates, by datesConfiguration
    ${dateTimeZone:ZONE:FMT}   in ZONE: America/Denver, -8:00, PST
    ${epoch}                   milliseconds since 1970; :s seconds, :ms, :us microseconds

FMT is a pattern of elements.date_pattern. What is put into the url is percent-encoded.

Where FMT holds an offset as text ('Z'), or one follows the template, a provider may take it for
what it says, or take the time as one of the zone. Of the two the earlier is written: nothing is
missed.

A local time that doesn't say how far it is from UTC is repeated when the clock is set back. It is
written so that every later time reads later: in the hours before the change, earlier by as much.

What a template writes stands for the whole of its last unit: a second, a day, a month. A provider
that is asked for what is later than that leaves out what it dates within the same unit. So who asks
from a time on (`asked_from`) writes an earlier unit than that of the time itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import partial
from urllib.parse import quote, unquote

from ceql.moment import EPOCH
from elements import zones
from elements.date_pattern import DateFormat, format_of
from elements.errors import ParameterError, PatternError, ZoneError
from elements.record_dates import RecordDates
from elements.window import BEGINNING
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

# An offset right behind a template, and what else of a time may stand between: "….000Z".
FOLLOWING = re.compile(r"[T\d:.]*+(?:Z|[+-]\d\d:?\d\d)(?!\w)", re.ASCII)
LONGEST_FOLLOWING = 90  # characters, three for each that is percent-encoded

Write = Callable[[datetime], str]


@dataclass(frozen=True, slots=True)
class Template:
    """One `${…}` of a url, from `start` to `end`."""

    start: int
    end: int
    write: Write
    unit: timedelta  # what is written is no longer than this

    def before(self, since: datetime, delay: timedelta) -> str:
        """Return what stands for `delay` before `since`, and reads earlier than `since` does."""
        text, earlier = self.write(since), since - delay
        while self.write(earlier) == text and earlier > BEGINNING:
            earlier -= self.unit  # again for a day of 25 hours, or an hour that comes twice
        return self.write(max(earlier, BEGINNING))


def templates_of(url: str, dates: RecordDates) -> list[Template]:
    """Raises ParameterError, whose path is the template."""
    found = []
    for match in TEMPLATE.finditer(url):
        following = unquote(url[match.end() : match.end() + LONGEST_FOLLOWING])
        write, unit = _writing(match[0], match[1], dates, FOLLOWING.match(following))
        found.append(Template(match.start(), match.end(), write, unit))
    return found


def filled(url: str, since: datetime, dates: RecordDates) -> str:
    """The url with `since` in place of every template. Raises ParameterError."""
    return _with_texts(url, templates_of(url, dates), lambda template: template.write(since))


def asked_from(url: str, since: datetime, delay: timedelta, dates: RecordDates) -> str:
    """The url that asks for all that is dated from `since` on: `delay` before it, and a whole unit
    of what is written before it at least, in place of every template. Raises ParameterError."""
    templates = templates_of(url, dates)
    return _with_texts(url, templates, lambda template: template.before(since, delay))


def _with_texts(url: str, templates: Sequence[Template], text: Callable[[Template], str]) -> str:
    parts, last = [], 0
    for template in templates:
        parts += [url[last : template.start], quote(text(template), safe="")]
        last = template.end
    return "".join((*parts, url[last:]))


def _writing(
    template: str, inner: str, dates: RecordDates, following: re.Match[str] | None
) -> tuple[Write, timedelta]:
    def dated(written: DateFormat, place: tzinfo) -> tuple[Write, timedelta]:
        write = partial(_written, written, place, following[0] if following else "")
        return write, written.precision

    if not template.endswith("}"):
        raise ParameterError(template[:60], "has no closing brace")
    name, colon, rest = inner.partition(":")
    try:
        match name:
            case "gmtDate" if rest:
                return dated(format_of(rest), UTC)
            case "date" if rest:
                return dated(format_of(rest), dates.zone)
            case "date" if not colon:
                if dates.own is None:
                    raise ParameterError(
                        template, "needs updatedDateField and updatedDateFormat: it is written so"
                    )
                return dated(dates.own.format, dates.own.zone)
            case "dateTimeZone" if (zoned := ZONED.fullmatch(rest)) is not None and zoned[2]:
                return dated(format_of(zoned[2]), zone(zoned[1]))
            case "epoch" if rest in UNITS and (rest or not colon):
                return partial(_epoch, UNITS[rest]), UNITS[rest]
    except PatternError as error:
        raise ParameterError(template[:120], f"its pattern {error}") from error
    except ZoneError as error:
        raise ParameterError(template[:120], str(error)) from error
    raise ParameterError(template[:120], f"is not known; known are {KNOWN}")


def _epoch(unit: timedelta, since: datetime) -> str:
    return str((since - EPOCH) // unit)


def _written(written: DateFormat, place: tzinfo, following: str, since: datetime) -> str:
    if written.tells_zone:
        return written.write(since.astimezone(place))
    offsets = [
        _least_offset(since, place),
        written.offset,
        zones.at_end(following, of_a_time=written.has_time),
    ]
    least = min(offset for offset in offsets if offset is not None)
    return written.write(since.astimezone(timezone(least)))


def _least_offset(since: datetime, place: tzinfo) -> timedelta:
    """From UTC, at `since` or soon after, when the clock is set back."""
    times = (since.astimezone(place), (since + LONGEST_CHANGE).astimezone(place))
    return min(time.utcoffset() or timedelta() for time in times)
