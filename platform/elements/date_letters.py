"""The letters of Java's SimpleDateFormat: what each writes of a time, and reads of a text.

Rule 1: one table of letters drives both directions. What writes a letter stands beside what reads
it.
Rule 2: writing is Java's exactly (English names): S is the number of milliseconds, so that SSSSSS
of 7 ms is 000007.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from elements import zones

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONG_ABBREVIATIONS = ("Sept", "Tues", "Thur", "Thurs")  # beside three letters
SHORT = 3  # letters of a short name
PIVOT = 80  # years of two digits from here on are 19…
TIME_UNITS = frozenset(
    {"hour", "hour of the half", "half", "minute", "second", "fraction"}
)  # of a day


@dataclass(frozen=True, slots=True)
class Letter:
    """What a run of one letter writes of a time, and reads of a text.

    `reads` is a regular expression, by the width of the run and whether a digit follows at once;
    `value` what it found. `smallest` is the length of what it tells. What is not `numeric` is a
    name or an offset.
    """

    unit: str
    write: Callable[[datetime, int], str]
    reads: Callable[[int, bool], str]
    value: Callable[[str], Any] = int
    smallest: timedelta | None = None
    widest: int = 20
    numeric: Callable[[int], bool] = lambda width: True


def _number(get: Callable[[datetime], int]) -> Callable[[datetime, int], str]:
    return lambda moment, width: str(get(moment)).zfill(width)


def _digits(most: int) -> Callable[[int, bool], str]:
    return lambda width, abutting: rf"\d{{{width}}}" if abutting else rf"\d{{1,{max(most, width)}}}"


def _never(width: int) -> bool:
    return False


def _names(names: tuple[str, ...]) -> str:
    """Whole names before their beginnings. A point may follow what is shortened."""
    shortened = [name for name in LONG_ABBREVIATIONS if any(map(_begins(name), names))]
    written = {*names, *shortened, *(name[:SHORT] for name in names)}
    return rf"(?:{'|'.join(sorted(written, key=len, reverse=True))})"


def _begins(beginning: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(beginning)


def _year_digits(width: int, abutting: bool) -> str:
    if width > 2:
        return rf"\d{{{max(width, 4)}}}"
    return r"\d{2}" if abutting and width == 2 else r"\d{4}|\d{2}"


def _year(text: str) -> int:
    if len(text) > 2:
        return int(text)
    return int(text) + (1900 if int(text) >= PIVOT else 2000)


def _written_year(moment: datetime, width: int) -> str:
    return f"{moment.year % 100:02d}" if width == 2 else str(moment.year).zfill(width)


def _written_month(moment: datetime, width: int) -> str:
    if width < SHORT:
        return str(moment.month).zfill(width)
    name = MONTHS[moment.month - 1]
    return name[:SHORT] if width == SHORT else name


def _month(text: str) -> int:
    if text.isdecimal():
        return int(text)
    return next(n for n, name in enumerate(MONTHS, 1) if name[:SHORT] == text[:SHORT].title())


def _written_day_name(moment: datetime, width: int) -> str:
    name = DAYS[moment.weekday()]
    return name[:SHORT] if width <= SHORT else name


def _fraction(text: str) -> timedelta:
    """Java's number of milliseconds; but the fraction that is meant where that is over a second."""
    number = int(text)
    if number < 1000:
        return timedelta(milliseconds=number)
    return timedelta(microseconds=int(text[:6].ljust(6, "0")))


def _iso_offset(moment: datetime, width: int) -> str:
    away = moment.utcoffset() or timedelta()
    if not away:
        return "Z"
    return zones.signed(away, ":" if width == 3 else "")[: 3 if width == 1 else None]


def _rfc_offset(moment: datetime, width: int) -> str:
    return zones.signed(moment.utcoffset() or timedelta(), "")


def _zone_reads(width: int, abutting: bool) -> str:
    return zones.WRITTEN


LETTERS: Mapping[str, Letter] = {
    "y": Letter("year", _written_year, _year_digits, _year, timedelta(days=366)),
    "M": Letter(
        "month",
        _written_month,
        lambda width, abutting: _digits(2)(width, abutting) if width < SHORT else _names(MONTHS),
        _month,
        timedelta(days=31),
        numeric=lambda width: width < SHORT,
    ),
    "d": Letter("day", _number(lambda it: it.day), _digits(2), smallest=timedelta(days=1)),
    "H": Letter("hour", _number(lambda it: it.hour), _digits(2), smallest=timedelta(hours=1)),
    "h": Letter(
        "hour of the half",
        _number(lambda it: it.hour % 12 or 12),
        _digits(2),
        smallest=timedelta(hours=1),
    ),
    "a": Letter(
        "half",
        lambda moment, width: "PM" if moment.hour >= 12 else "AM",
        lambda width, abutting: r"[AP]\.? ?M",
        lambda text: 12 if text[0] in "Pp" else 0,
        numeric=_never,
    ),
    "m": Letter("minute", _number(lambda it: it.minute), _digits(2), smallest=timedelta(minutes=1)),
    "s": Letter("second", _number(lambda it: it.second), _digits(2), smallest=timedelta(seconds=1)),
    "S": Letter(
        "fraction",
        _number(lambda it: it.microsecond // 1000),
        _digits(9),
        _fraction,
        timedelta(milliseconds=1),
    ),
    "E": Letter(
        "day of the week",
        _written_day_name,
        lambda width, abutting: _names(DAYS),
        str,
        numeric=_never,
    ),
    "X": Letter("offset", _iso_offset, _zone_reads, zones.offset, widest=3, numeric=_never),
    "Z": Letter("offset", _rfc_offset, _zone_reads, zones.offset, numeric=_never),
    "z": Letter(
        "offset",
        lambda moment, width: zones.abbreviation(moment),
        _zone_reads,
        zones.offset,
        widest=3,
        numeric=_never,
    ),
}
