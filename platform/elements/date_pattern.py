"""Dates written and read by a pattern of Java's SimpleDateFormat, as configurations name them.

Rule 1: one table of letters drives both directions. What writes a letter stands beside what reads
it.
Rule 2: writing is Java's to the letter (English names): S is the number of milliseconds, so that
SSSSSS of 7 ms is 000007.
Rule 3: reading is at least as lenient as Java's, and never loses a date that can be made out: a
month of 13 is the next January, an offset may have any form, and what follows the pattern is
ignored unless the whole text is ISO 8601.
Rule 4: what a letter has read it never gives back, as in Java, so that reading takes time in
proportion to the text, whatever pattern a customer has written.

What is read is a stretch of time: 2026-01-31 is a day. A local time that an autumn's clock shows
twice is the stretch from the first to the second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, TypeAlias

from ceql.moment import EPOCH, Moment
from elements import zones
from elements.errors import PatternError

MILLISECONDS = "milliseconds"  # the pseudo-format: since 1970
LONGEST_PATTERN = 100  # characters
LONGEST_TEXT = 200  # characters of a date
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT = 3  # letters of a short name
ZONE = r"Z|[+-]\d\d(?::?\d\d)?|(?:GMT|UTC|UT)[+-]\d{1,2}(?::?\d\d)?|[A-Z]{2,5}"
PIVOT = 80  # years of two digits from here on are 19…


# --- The letters ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letter:
    """What a run of one letter writes of a time, and reads of a text.

    `reads` is a regular expression, by the width of the run and whether a digit follows at once;
    `value` what it found. `smallest` is the length of what it tells.
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
    return "|".join(name for whole in names for name in (whole, whole[:SHORT]))


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
    return ZONE


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
        lambda width, abutting: "AM|PM",
        lambda text: 12 if text.upper() == "PM" else 0,
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


# --- The pattern ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """The same letter several times; or, without one, text as it stands."""

    letter: str
    width: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read (`pattern_of`)."""

    text: str
    runs: tuple[Run, ...]
    expression: re.Pattern[str]

    @property
    def tells_zone(self) -> bool:
        """Whether what is written says how far it is from UTC."""
        return any(run.letter and LETTERS[run.letter].unit == "offset" for run in self.runs)

    @property
    def precision(self) -> timedelta:
        """The length of what is written: a day, where no hour is."""
        lengths = (LETTERS[run.letter].smallest for run in self.runs if run.letter)
        return min(length for length in lengths if length is not None)

    def write(self, moment: datetime) -> str:
        """An aware time, in its own zone."""
        return "".join(
            LETTERS[run.letter].write(moment, run.width) if run.letter else run.text
            for run in self.runs
        )

    def read(self, value: object, zone: tzinfo) -> Moment | None:
        """The stretch of time that a value of JSON tells; in `zone` where it doesn't say its own.

        None when it cannot be made out.
        """
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        text = str(value).strip()
        if not text or len(text) > LONGEST_TEXT:
            return None
        match = self.expression.match(text)
        if match is None or match.end() < len(text):
            iso = _iso(text, zone)
            if iso is not None:
                return iso
        return None if match is None else self._moment(match, zone)

    def _moment(self, match: re.Match[str], zone: tzinfo) -> Moment | None:
        lettered = [run.letter for run in self.runs if run.letter]
        told = {
            LETTERS[letter].unit: LETTERS[letter].value(text)
            for letter, text in zip(lettered, match.groups(), strict=True)
        }
        if told.get("offset", timedelta()) is None:  # a name that nobody knows
            return None
        hour = told.get("hour", told.get("hour of the half", 0) % 12 + told.get("half", 0))
        month = told.get("month", 1) - 1
        try:
            first = datetime(told.get("year", 1970) + month // 12, month % 12 + 1, 1, tzinfo=UTC)
            local = first + timedelta(
                days=told.get("day", 1) - 1,
                hours=hour,
                minutes=told.get("minute", 0),
                seconds=told.get("second", 0),
            )
            local += told.get("fraction", timedelta())
            if "offset" in told:
                return Moment(local - told["offset"], self.precision)
            return _stretch(local, zone, self.precision)
        except (ValueError, OverflowError):  # in no calendar
            return None


class Milliseconds:
    """The pseudo-format of milliseconds since 1970, with the ways of a pattern."""

    text = MILLISECONDS
    tells_zone = True
    precision = timedelta(milliseconds=1)

    def write(self, moment: datetime) -> str:
        return str((moment - EPOCH) // self.precision)

    def read(self, value: object, zone: tzinfo) -> Moment | None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = str(value).strip() if isinstance(value, int | str) else ""
        if isinstance(value, bool) or re.fullmatch(r"-?[0-9]{1,15}", text) is None:
            return None
        try:
            return Moment(EPOCH + int(text) * self.precision, self.precision)
        except OverflowError:
            return None


DateFormat: TypeAlias = Pattern | Milliseconds


@lru_cache(maxsize=1024)
def format_of(text: str) -> DateFormat:
    """A pattern, or `milliseconds`. Raises PatternError saying what is wrong with it."""
    return Milliseconds() if text.strip() == MILLISECONDS else pattern_of(text)


@lru_cache(maxsize=1024)
def pattern_of(text: str) -> Pattern:
    """Reads a pattern. A stray quote at its end is passed over. Raises PatternError."""
    if len(text) > LONGEST_PATTERN:
        raise PatternError(f"is longer than {LONGEST_PATTERN} characters")
    runs = tuple(_runs(text))
    if not any(LETTERS[run.letter].smallest for run in runs if run.letter):
        raise PatternError("has no letter that tells a date, such as yyyy-MM-dd")
    expression = "".join(
        f"((?>{LETTERS[run.letter].reads(run.width, _is_number(after))}))"
        if run.letter
        else re.escape(run.text)
        for run, after in zip(runs, (*runs[1:], None), strict=True)
    )
    return Pattern(text, runs, re.compile(expression, re.IGNORECASE | re.ASCII))


def _is_number(run: Run | None) -> bool:
    if run is None:
        return False
    return LETTERS[run.letter].numeric(run.width) if run.letter else run.text[0].isdecimal()


def _runs(text: str) -> list[Run]:
    runs: list[Run] = []
    for match in re.finditer(
        r"''|'((?:[^']|'')+)'|(?P<letter>[A-Za-z])(?P=letter)*|.", text, re.DOTALL
    ):
        found = match[0]
        if match["letter"]:
            runs.append(_run(found))
        elif found == "''":
            runs.append(Run("", 0, "'"))
        elif found == "'" and match.end() == len(text):
            continue  # a stray quote, as some samples have it
        elif found == "'":
            raise PatternError("has a quote that is not closed")
        elif match[1]:
            runs.append(Run("", 0, match[1].replace("''", "'")))
        else:
            runs.append(Run("", 0, found))
    return runs


def _run(found: str) -> Run:
    letter = LETTERS.get(found[0])
    if letter is None:
        raise PatternError(
            f"has the letter {found[0]}, which is not known here; known are {' '.join(LETTERS)}. "
            "Text stands in quotes, such as 'T'"
        )
    if len(found) > letter.widest:
        raise PatternError(f"has {found[:10]}: at most {letter.widest} of that letter")
    return Run(found[0], len(found))


# --- Times ---------------------------------------------------------------------------------------


def _iso(text: str, zone: tzinfo) -> Moment | None:
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text) is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        second = timedelta(seconds=1) if found.microsecond == 0 else timedelta(milliseconds=1)
        if found.tzinfo is None:
            return _stretch(found, zone, second)
        return Moment(found.astimezone(UTC), second)
    except (ValueError, OverflowError):
        return None


def _stretch(local: datetime, zone: tzinfo, length: timedelta) -> Moment:
    """A local time (of whatever tzinfo) as all that it can be: either of two, an autumn night."""
    times = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return Moment(min(times), max(times) - min(times) + length)
