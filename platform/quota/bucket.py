"""Buckets of a provider's units: the rows that all processes of all hosts draw from.

Rule 1: no more than a bucket's limit reaches the provider within a minute, and no more than its
limit of a day within the provider's day. What was drawn counts, used or not.
Rule 2: PostgreSQL's clock says which minute it is. A process counts the seconds to the end of what
it has drawn from before it asked: hosts with wrong clocks count right.
Rule 3: a request takes a moment to arrive. What is drawn in the last FLIGHT seconds of a minute may
arrive in the next one, and counts in both; what is drawn before may not be used in them.
Rule 4: an idle poll draws nothing from the row of its account. Of each account's limit SEATS times
`small_change` are set apart. A process that draws from the project takes a seat as well, if there
is one left: it may then spend `small_change` units on each account for as long as its block lasts.

Why the limits hold. Of a project: units of a minute are drawn in it, or in the last FLIGHT seconds
of the one before; `drawn` holds both, and never grows above the limit. Of an account: its row never
grants more than the limit less what is set apart; and that is never exceeded, for the seats of a
minute, late ones of the one before among them, are at most SEATS. Of a day: `day_drawn` only
shrinks by units that whoever drew them says were not used, once.

Whoever dies with units in hand has wasted them: of a project's no more than LARGEST_BLOCK, however
much is left. A provider whose clock is more than FLIGHT seconds away from PostgreSQL's may count
otherwise; what it says then closes the bucket (`close`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connection

from transport.types import Bucket

FLIGHT = 3  # seconds
SEATS = 60
SMALL_CHANGE = 1000  # the part of an account's limit of a minute that a seat may spend on it
PART = 20  # a project's block is this part of what is left
LARGEST_BLOCK = 100_000  # units, unless more is needed at once
NO_LIMIT = 10**12  # units
LONGEST_WAIT = 900.0  # seconds, after which it is asked again: what was drawn may have come back
LONGEST_CLOSED = 3600.0  # seconds
KEPT = "3 days"  # rows that nobody draws from

# Of many buckets, in the order of their names, so that no two wait for each other crosswise.
DRAW = """
UPDATE quota_quotabucket AS b SET
    (minute, drawn, late, seats, late_seats, day, day_drawn, called,
     block, seated, ends_at, again_at) = (
    SELECT now.minute,
           kept.drawn + got.block,
           kept.late + CASE WHEN now.is_late THEN got.block ELSE 0 END,
           kept.seats + got.seat,
           kept.late_seats + CASE WHEN now.is_late THEN got.seat ELSE 0 END,
           now.day,
           kept.day_drawn + got.block,
           kept.called + CASE WHEN ask.polls THEN 0 ELSE got.block END,
           got.block,
           got.seat > 0,
           now.minute + CASE WHEN now.is_late THEN interval '60 s' ELSE %(early)s END,
           CASE WHEN got.block > 0 THEN NULL
                WHEN b.closed_until > clock.at THEN b.closed_until
                WHEN ask.day_limit - kept.day_drawn < ask.need
                THEN (now.day + 1)::timestamp AT TIME ZONE ask.zone
                ELSE now.minute + interval '60 s' END
      FROM (SELECT clock_timestamp() AS at) AS clock
     CROSS JOIN LATERAL (
           SELECT GREATEST(date_trunc('minute', clock.at),
                           LEAST(b.minute, date_trunc('minute', clock.at) + interval '1 minute'))
                  AS minute) AS minutes
     CROSS JOIN LATERAL (
           SELECT minutes.minute,
                  clock.at >= minutes.minute + %(early)s AS is_late,
                  GREATEST((clock.at AT TIME ZONE ask.zone)::date,
                           LEAST(b.day, (clock.at AT TIME ZONE ask.zone)::date + 1)) AS day) AS now
     CROSS JOIN LATERAL (
           SELECT CASE WHEN b.minute >= now.minute THEN b.drawn
                       WHEN b.minute = now.minute - interval '1 minute' THEN b.late
                       ELSE 0 END AS drawn,
                  CASE WHEN b.minute >= now.minute THEN b.late ELSE 0 END AS late,
                  CASE WHEN b.minute >= now.minute THEN b.seats
                       WHEN b.minute = now.minute - interval '1 minute' THEN b.late_seats
                       ELSE 0 END AS seats,
                  CASE WHEN b.minute >= now.minute THEN b.late_seats ELSE 0 END AS late_seats,
                  CASE WHEN b.day >= now.day
                       THEN b.day_drawn
                            - CASE WHEN b.day = ask.unused_day THEN ask.unused ELSE 0 END
                       WHEN b.minute = now.minute - interval '1 minute' THEN b.late
                       ELSE 0 END AS day_drawn,
                  CASE WHEN b.day >= now.day THEN b.called ELSE 0 END AS called) AS kept
     CROSS JOIN LATERAL (
           SELECT CASE WHEN b.closed_until > clock.at THEN 0
                       ELSE LEAST(ask."limit" - kept.drawn, ask.day_limit - kept.day_drawn)
                       END AS units) AS room
     CROSS JOIN LATERAL (
           SELECT CASE WHEN room.units < ask.need THEN 0
                       ELSE LEAST(room.units, GREATEST(ask.wish,
                                  LEAST(room.units / ask.part, %(largest)s)))
                       END AS block,
                  CASE WHEN ask.seat AND kept.seats < %(seats)s AND room.units >= ask.need
                       THEN 1 ELSE 0 END AS seat) AS got)
  FROM (SELECT own.subject, asked.*
          FROM json_to_recordset(%(asks)s) AS asked(
               of text, "limit" bigint, day_limit bigint, need bigint, wish bigint, part bigint,
               zone text, seat boolean, polls boolean, unused bigint, unused_day date)
          JOIN quota_quotabucket AS own ON own.subject = asked.of
         ORDER BY own.subject
           FOR NO KEY UPDATE OF own) AS ask
 WHERE b.subject = ask.subject
RETURNING b.subject, block, seated, b.day,
          EXTRACT(EPOCH FROM ends_at - clock_timestamp())::float8,
          EXTRACT(EPOCH FROM again_at - clock_timestamp())::float8
"""
BEGIN = """
INSERT INTO quota_quotabucket
       (subject, minute, day, drawn, late, seats, late_seats, day_drawn, called, block, seated)
SELECT of, date_trunc('minute', clock_timestamp()),
       (clock_timestamp() AT TIME ZONE zone)::date, 0, 0, 0, 0, 0, 0, 0, FALSE
  FROM json_to_recordset(%(asks)s) AS asked(of text, zone text)
 ORDER BY of
    ON CONFLICT (subject) DO NOTHING
"""
CLOSE = """
UPDATE quota_quotabucket
   SET closed_until = GREATEST(closed_until, clock_timestamp() + %(seconds)s * interval '1 s')
 WHERE subject = %(subject)s
"""
USED = """
SELECT b.subject,
       CASE WHEN b.minute = date_trunc('minute', clock.at) THEN b.drawn
            WHEN b.minute = date_trunc('minute', clock.at) - interval '1 minute' THEN b.late
            ELSE 0 END,
       CASE WHEN b.day = (clock.at AT TIME ZONE %(zone)s)::date THEN b.day_drawn ELSE 0 END,
       CASE WHEN b.day = (clock.at AT TIME ZONE %(zone)s)::date THEN b.called ELSE 0 END,
       CASE WHEN b.closed_until > clock.at THEN b.closed_until END
  FROM quota_quotabucket AS b, (SELECT clock_timestamp() AS at) AS clock
 WHERE b.subject = ANY(%(subjects)s)
"""
FORGET = """
DELETE FROM quota_quotabucket
 WHERE subject IN (SELECT subject FROM quota_quotabucket
                    WHERE minute < clock_timestamp() - %(kept)s::interval
                      AND (closed_until IS NULL OR closed_until < clock_timestamp())
                    LIMIT 5000
                      FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class Unused:
    """Units of an earlier block that were never used, and never will be."""

    units: int
    day: date


@dataclass(frozen=True, slots=True)
class Drawn:
    """A block of `units` that may be used for `seconds`; with none, to be asked for in `wait`.

    Both times may be negative: it was in the nick of time.
    """

    units: int
    seated: bool
    day: date
    seconds: float
    wait: float


@dataclass(frozen=True, slots=True)
class Used:
    """Units drawn in the running minute and in the provider's day, `called` of those by others than
    polls; until when the provider wants nothing."""

    minute: int = 0
    day: int = 0
    called: int = 0
    closed_until: datetime | None = None


def small_change(account: Bucket) -> int:
    """Units that a seat may spend on each account while its block lasts.

    None where a day's units are counted, too: those are not to be spent uncounted.
    """
    return 0 if account.day else account.minute // SMALL_CHANGE


def of_accounts(account: Bucket) -> Bucket:
    """The limits of an account's row: what is set apart for small change is not in it."""
    return Bucket(account.minute - SEATS * small_change(account), account.day)


class Ask(NamedTuple):
    """A block that is wanted of a bucket: of `wish` units; or of a `part`-th of what is left, if
    that is more, but not of more than LARGEST_BLOCK. At least of `need`, or none at all.

    With `seat`, a seat as well, if there is one.
    """

    of: str  # the bucket's subject
    limits: Bucket
    need: int
    wish: int
    zone: str
    part: int = NO_LIMIT
    seat: bool = False
    polls: bool = False
    unused: Unused | None = None


def draw(asks: Sequence[Ask]) -> dict[str, Drawn]:
    """Draws from each of the buckets, {subject: what was drawn}; one ask a bucket."""
    drawn = _draw(asks)
    new = [ask for ask in asks if ask.of not in drawn]
    if new:
        _begin([(ask.of, ask.zone) for ask in new])
        drawn |= _draw(new)
    return drawn


def _draw(asks: Sequence[Ask]) -> dict[str, Drawn]:
    rows = [
        {
            "of": ask.of,
            "limit": ask.limits.minute or NO_LIMIT,
            "day_limit": ask.limits.day or NO_LIMIT,
            "need": ask.need,
            "wish": ask.wish,
            "part": ask.part,
            "zone": ask.zone,
            "seat": ask.seat,
            "polls": ask.polls,
            "unused": ask.unused.units if ask.unused else 0,
            "unused_day": ask.unused.day if ask.unused else None,
        }
        for ask in asks
    ]
    parameters: dict[str, Any] = {
        "asks": json.dumps(rows, default=str),
        "largest": LARGEST_BLOCK,
        "early": f"{60 - FLIGHT} s",
        "seats": SEATS,
    }
    with connection.cursor() as cursor:
        cursor.execute(DRAW, parameters)
        return {
            subject: Drawn(units, seated, day, seconds, min(wait or 0.0, LONGEST_WAIT))
            for subject, units, seated, day, seconds, wait in cursor.fetchall()
        }


def _begin(subjects: Sequence[tuple[str, str]]) -> None:
    """Makes the rows of (subject, zone of the provider's day) that are not there."""
    asks = json.dumps([{"of": subject, "zone": zone} for subject, zone in subjects])
    with connection.cursor() as cursor:
        cursor.execute(BEGIN, {"asks": asks})


def close(subject: str, seconds: float, zone: str) -> None:
    """Nothing is drawn for so long: the provider has said that there is nothing left."""
    _begin([(subject, zone)])
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, {"subject": subject, "seconds": min(seconds, LONGEST_CLOSED)})


def used(subjects: list[str], zone: str) -> dict[str, Used]:
    """What was drawn of each of the buckets."""
    with connection.cursor() as cursor:
        cursor.execute(USED, {"subjects": subjects, "zone": zone})
        known = {subject: Used(*figures) for subject, *figures in cursor.fetchall()}
    return {subject: known.get(subject, Used()) for subject in subjects}


def forget() -> int:
    """Removes rows that nobody draws from any more; how many."""
    removed = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(FORGET, {"kept": KEPT})
            if not cursor.rowcount:
                return removed
            removed += cursor.rowcount
