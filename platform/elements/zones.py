"""Time zones as configurations and dates write them: regions, offsets, abbreviations."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from elements.errors import ZoneError

OFFSET = re.compile(r"(?:GMT|UTC|UT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?")
WRITTEN = r"Z|[+-]\d\d(?::?\d\d)?|(?:GMT|UTC|UT)[+-]\d{1,2}(?::?\d\d)?|[A-Z]{2,5}"
_AT_END = re.compile(
    rf"[-+T\d:.,\s]*(?<![A-Z])({WRITTEN})\s*(?:\([^()]*\)\s*)?", re.IGNORECASE | re.ASCII
)
LONGEST_NAME = 64  # characters
FARTHEST = timedelta(hours=18)  # as Java's ZoneOffset has it

# What an abbreviation in a date stands for, in minutes from UTC. Only those that mean one thing
# nearly everywhere.
ABBREVIATIONS = {
    "Z": 0, "UTC": 0, "UT": 0, "GMT": 0, "WET": 0,
    "WEST": 60, "BST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180, "MSK": 180,
    "SAST": 120, "IST": 330, "JST": 540, "KST": 540,
    "AWST": 480, "ACST": 570, "AEST": 600, "AEDT": 660, "NZST": 720, "NZDT": 780,
    "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360,
    "PST": -480, "PDT": -420, "AKST": -540, "AKDT": -480, "HST": -600,
}  # fmt: skip
# Which of them stand for a zone with daylight saving where a zone is configured, as in Java, for
# which EST, MST and HST have none.
REGIONS = {
    "PST": "America/Los_Angeles",
    "CST": "America/Chicago",
    "CET": "Europe/Paris",
    "EET": "Europe/Athens",
    "WET": "Europe/Lisbon",
}
AMBIGUOUS = frozenset({"BST"})  # Java's is in Bangladesh


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone called so: America/Denver, -8:00, GMT+2, PST. Raises ZoneError."""
    wanted = name.strip()
    if len(wanted) <= LONGEST_NAME and wanted not in AMBIGUOUS:
        if wanted in REGIONS:
            return ZoneInfo(REGIONS[wanted])
        if wanted in ABBREVIATIONS:
            return timezone(timedelta(minutes=ABBREVIATIONS[wanted]), wanted)
        found = offset(wanted)
        if found is not None:
            return UTC if not found else timezone(found, written(found))
        if wanted in _regions():
            return ZoneInfo(wanted)
    raise ZoneError(
        f"{wanted[:LONGEST_NAME]!r} is not a time zone: name a region such as America/Denver, or "
        "an offset such as -8:00"
    )


def is_region(name: str) -> bool:
    """Whether it is a zone's own name, such as America/Denver or UTC."""
    return len(name) <= LONGEST_NAME and name in _regions()


@cache
def _regions() -> frozenset[str]:
    return frozenset(available_timezones())


def offset(text: str) -> timedelta | None:
    """What `text` is away from UTC: Z, -08, +0530, GMT-8:00, PST. None: it says no offset."""
    match = OFFSET.fullmatch(text)
    if match is None:
        minutes = ABBREVIATIONS.get(text.upper())
        return None if minutes is None else timedelta(minutes=minutes)
    hours, minutes = int(match["hours"]), int(match["minutes"] or 0)
    found = timedelta(hours=hours, minutes=minutes)
    if minutes > 59 or found > FARTHEST:
        return None
    return -found if match["sign"] == "-" else found


def at_end(text: str, *, of_a_time: bool) -> timedelta | None:
    """The offset that `text` ends in, with nothing but digits before it: ".000Z", ":30 -0700".

    Names of zones in brackets may follow, as JavaScript writes them. Where the text does not follow
    a time of day, -07 may be a day and -0700 a year: an offset needs its colon.
    """
    match = _AT_END.fullmatch(text)
    if match is None or (match[1][0] in "+-" and not of_a_time and ":" not in match[1]):
        return None
    return offset(match[1])


def written(away: timedelta) -> str:
    """An offset as Java calls the zone that has nothing else: GMT-08:00."""
    return f"GMT{signed(away, ':')}"


def signed(away: timedelta, between: str) -> str:
    """-08:00, with what stands between hours and minutes."""
    minutes = round(away.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}{between}{rest:02d}"


def abbreviation(moment: datetime) -> str:
    """What the zone of an aware `moment` is called then: MDT. GMT-03:00 where it has no name, or
    one that `offset` would take for another zone."""
    away = moment.utcoffset() or timedelta()
    name = moment.tzname() or ""
    return name if offset(name) == away else written(away)
