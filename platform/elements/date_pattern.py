"""Dates written and read by a pattern of Java's SimpleDateFormat, as configurations name them.

The letters and their rules stand in elements.date_letters. Beside those:

Rule 3: reading is at least as lenient as Java's, and never loses a date that can be made out: a
month of 13 is the next January, an offset may have any form, blanks may be of any kind, and what
follows the pattern is ignored unless the whole text is ISO 8601.
Rule 4: an offset that a text carries itself wins over any zone, also one that a quoted part of the
pattern writes: 'Z'.
Rule 5: what a letter has read it never gives back, as in Java, so that reading takes time in
proportion to the text, whatever pattern a customer has written.

What is read is a stretch of time: 2026-01-31 is a day. A local time that an autumn's clock shows
twice is the stretch from the first to the second.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

from ceql.moment import EPOCH, MILLISECOND, MINUTE, SECOND, Moment, moment_of
from elements import zones
from elements.date_letters import LETTERS, TIME_UNITS
from elements.errors import PatternError

MILLISECONDS = "milliseconds"  # the pseudo-format: since 1970
LONGEST_PATTERN = 100  # characters
LONGEST_TEXT = 200  # characters of a date
# Written by browsers: marks of direction, and a minus that is none of ASCII's.
UNSEEN = str.maketrans("\N{MINUS SIGN}", "-", "\u200b\u200e\u200f\ufeff")
NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,20})?")
LEAST_DIGITS = 10  # of a number that is no date of its own pattern, but seconds since 1970
ISO = re.compile(
    rf"(\d{{4}}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.,]\d{{1,20}})?)?) ?({zones.WRITTEN})?",
    re.IGNORECASE | re.ASCII,
)


# --- The pattern ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """The same letter several times; or, without one, text as it stands."""

    letter: str
    width: int
    text: str = ""

    @property
    def is_number(self) -> bool:
        """Return whether it begins with a digit."""
        return self.is_named is False if self.letter else self.text[0].isdecimal()

    @property
    def is_named(self) -> bool:
        """Return whether it is a name or an offset."""
        return bool(self.letter) and not LETTERS[self.letter].numeric(self.width)

    @property
    def unit(self) -> str:
        return LETTERS[self.letter].unit if self.letter else ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read (`pattern_of`).

    `expression` ends with its last letter, and `end` is the text after that. `offset` is one that
    stands in the pattern as text.
    """

    text: str
    runs: tuple[Run, ...]
    expression: re.Pattern[str]
    end: str
    offset: timedelta | None
    has_time: bool  # of a day
    precision: timedelta  # the length of what is written: a day, where no hour is

    @property
    def tells_zone(self) -> bool:
        """Whether what is written says how far it is from UTC."""
        return any(run.unit == "offset" for run in self.runs)

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
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        text = str(value).strip()
        if not text or len(text) > LONGEST_TEXT:
            return None
        text = " ".join(text.translate(UNSEEN).split())
        match = self.expression.match(text)
        rest = "" if match is None else text[match.end() :]
        if match is None or rest not in ("", self.end):
            iso = _iso(text, zone)
            if iso is not None:
                return iso
        if match is None:
            return _counted(text) if len(text) >= LEAST_DIGITS else None
        return self._moment(match, rest, zone)

    def _moment(self, match: re.Match[str], rest: str, zone: tzinfo) -> Moment | None:
        lettered = [run.letter for run in self.runs if run.letter]
        told = {
            LETTERS[letter].unit: LETTERS[letter].value(text)
            for letter, text in zip(lettered, match.groups(), strict=True)
        }
        if told.get("offset", timedelta()) is None:  # a name that nobody knows
            return None
        offset: timedelta | None = told.get("offset", zones.at_end(rest, of_a_time=self.has_time))
        if offset is None and not self.end:
            offset = self.offset
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
            if offset is not None:
                return Moment(local - offset, self.precision)
            return _stretch(local, zone, self.precision)
        except (ValueError, OverflowError):  # in no calendar
            return None


class Milliseconds:
    """The pseudo-format of milliseconds since 1970, with the ways of a pattern.

    Reads seconds, microseconds and nanoseconds as well, as text too, and ISO 8601.
    """

    text = MILLISECONDS
    tells_zone = has_time = True
    offset = None
    precision = MILLISECOND

    def write(self, moment: datetime) -> str:
        return str((moment - EPOCH) // self.precision)

    def read(self, value: object, zone: tzinfo) -> Moment | None:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        text = str(int(value) if isinstance(value, float) and value.is_integer() else value)
        text = text.strip()[: LONGEST_TEXT + 1]
        return _counted(text) or _iso(text, zone)


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
    runs = _joined(_runs(text))
    lengths = [LETTERS[run.letter].smallest for run in runs if run.letter]
    known = [length for length in lengths if length is not None]
    if not known:
        raise PatternError("has no letter that tells a date, such as yyyy-MM-dd")
    has_time = any(run.unit in TIME_UNITS for run in runs)
    return Pattern(
        text,
        tuple(runs),
        re.compile(_expression(runs), re.IGNORECASE | re.ASCII),
        end=_one_blank(runs[-1].text),
        offset=_offset(runs, has_time),
        has_time=has_time,
        precision=min(known),
    )


def _joined(runs: Sequence[Run]) -> list[Run]:
    """The runs, with texts that follow each other as one."""
    joined: list[Run] = []
    for run in runs:
        if joined and not run.letter and not joined[-1].letter:
            joined[-1] = Run("", 0, joined[-1].text + run.text)
        else:
            joined.append(run)
    return joined


def _offset(runs: Sequence[Run], has_time: bool) -> timedelta | None:
    """The last offset that stands as text behind what tells the time, or the date if no time is."""
    if any(run.unit == "offset" for run in runs):
        return None
    last = max(
        n for n, run in enumerate(runs) if run.unit in TIME_UNITS or (run.letter and not has_time)
    )
    found = [zones.at_end(run.text, of_a_time=has_time) for run in runs[last + 1 :]]
    return next((one for one in reversed(found) if one is not None), None)


def _expression(runs: Sequence[Run]) -> str:
    """What reads the runs up to the last letter, in a text whose blanks are single ones.

    A blank may stand before each letter, as in Java, and need not before a name. A point may
    follow a name.
    """
    parts: list[str] = []
    last = max(n for n, run in enumerate(runs) if run.letter)
    for run, after in zip(runs[: last + 1], (*runs[1:], None), strict=False):
        if run.letter:
            abutting = after is not None and after.is_number
            parts.append(f" ?+((?>{LETTERS[run.letter].reads(run.width, abutting)}))")
            parts += [r"\.?+"] if run.is_named else []
            continue
        text = _one_blank(run.text)
        text = text.removeprefix(".") if parts and parts[-1] == r"\.?+" else text
        text = text.removesuffix(" ") if after is not None and after.is_named else text
        parts.append(re.escape(text if parts else text.lstrip()))
    return "".join(parts)


def _one_blank(text: str) -> str:
    """The text with one blank in place of each stretch of them."""
    return re.sub(r"\s+", " ", text)


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
    match = ISO.fullmatch(text)
    if match is None:
        return None
    try:
        found = datetime.fromisoformat(f"{match[1]}T{match[2]}")
        length = SECOND if match[2].count(":") == 2 else MINUTE
        length = length if found.microsecond == 0 else MILLISECOND
        if match[3] is None:
            return _stretch(found, zone, length)
        offset = zones.offset(match[3])
        return None if offset is None else Moment(found.replace(tzinfo=UTC) - offset, length)
    except (ValueError, OverflowError):
        return None


def _counted(text: str) -> Moment | None:
    """What counts since 1970."""
    return None if NUMBER.fullmatch(text) is None else moment_of(Decimal(text))


def _stretch(local: datetime, zone: tzinfo, length: timedelta) -> Moment:
    """A local time (of whatever tzinfo) as all that it can be: either of two, an autumn night."""
    times = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return Moment(min(times), max(times) - min(times) + length)
