"""A circuit breaker for each server that an organization's callbacks are at.

Rule 1: a row of Endpoint is a server that does not answer well: nothing but no answer at all, 429
and 5xx counts, for any other answer says that the server is there. The first such answer removes
the row. Who has no row costs nothing.
Rule 2: after OPEN_AFTER failures in a row the breaker opens. Deliveries to an open one are neither
claimed nor attempted, so that they use no slot and no retry; they stay due.
Rule 3: when the pause is over one delivery is attempted, by one engine. It closes the breaker, or
doubles the pause. An engine that dies with it costs a lease.
Rule 4: an organization's breaker holds its own deliveries only: nobody can shut a server that
others use, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from events.claim import LEASE, Endpoint
from worker.backoff import Backoff

OPEN_AFTER = 10  # failures in a row
BACKOFF = Backoff(timedelta(seconds=2), timedelta(seconds=60))  # of attempts that fail

TAKE_PROBES = """
UPDATE events_endpoint e
   SET open_until = %(lease_until)s
  FROM unnest(%(organizations)s::bigint[], %(origins)s::text[]) AS asked (organization_id, origin)
 WHERE e.organization_id = asked.organization_id AND e.origin = asked.origin
   AND (e.open_until <= %(now)s OR e.open_until > %(now)s + interval '2 minutes')
RETURNING e.organization_id, e.origin
"""
LOCK = """
SELECT e.id
  FROM events_endpoint e
  JOIN unnest(%s::bigint[], %s::text[]) AS known (organization_id, origin)
    ON e.organization_id = known.organization_id AND e.origin = known.origin
 ORDER BY e.organization_id, e.origin
   FOR UPDATE OF e
"""
CLOSE = """
DELETE FROM events_endpoint e
 USING unnest(%s::bigint[], %s::text[]) AS sound (organization_id, origin)
 WHERE e.organization_id = sound.organization_id AND e.origin = sound.origin
"""
# `probes` counts the attempts of an open one that failed: each doubles the pause. What was on its
# way when it opened and fails later changes nothing.
COUNT = """
INSERT INTO events_endpoint AS e
       (organization_id, origin, failures, probes, open_until, updated_at)
SELECT down.organization_id, down.origin, down.failures, down.probes,
       CASE WHEN down.failures >= %(open_after)s
            THEN %(now)s + (%(pauses)s::interval[])[1] END,
       %(now)s
  FROM unnest(%(organizations)s::bigint[], %(origins)s::text[], %(failures)s::int[],
              %(probes)s::int[]) AS down (organization_id, origin, failures, probes)
 ORDER BY 1, 2
    ON CONFLICT (organization_id, origin) DO UPDATE
   SET failures = LEAST(e.failures + EXCLUDED.failures, 1000000),
       probes = LEAST(e.probes + EXCLUDED.probes, 1000),
       open_until = CASE
           WHEN EXCLUDED.probes > 0 THEN
               %(now)s + (%(pauses)s::interval[])[LEAST(e.probes + EXCLUDED.probes, %(last)s) + 1]
           WHEN e.open_until IS NOT NULL THEN e.open_until
           WHEN e.failures + EXCLUDED.failures >= %(open_after)s THEN
               %(now)s + (%(pauses)s::interval[])[1]
           END,
       updated_at = %(now)s
"""


class Word(NamedTuple):
    """What one attempt says of its server."""

    endpoint: Endpoint
    down: bool
    probe: bool


def take_probes(endpoints: Collection[Endpoint], now: datetime) -> set[Endpoint]:
    """Those that this engine may attempt one delivery to. For others, they are open meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_PROBES, {**_columns(endpoints), "now": now, "lease_until": now + LEASE})
        return {Endpoint(*row) for row in cursor.fetchall()}


def store(cursor: CursorWrapper, words: Iterable[Word], now: datetime) -> None:
    """Stores what attempts say of their servers, in the order of their ends."""
    failures: dict[Endpoint, int] = {}
    probes: dict[Endpoint, int] = {}
    sound: set[Endpoint] = set()
    for word in words:
        if word.down:
            failures[word.endpoint] = failures.get(word.endpoint, 0) + 1
            probes[word.endpoint] = probes.get(word.endpoint, 0) + word.probe
        else:
            sound.add(word.endpoint)
            failures.pop(word.endpoint, None)
            probes.pop(word.endpoint, None)
    known = _columns(sorted({*sound, *failures}))
    cursor.execute(LOCK, [known["organizations"], known["origins"]])
    if sound:
        up = _columns(sorted(sound))
        cursor.execute(CLOSE, [up["organizations"], up["origins"]])
    if failures:
        down = sorted(failures)
        cursor.execute(
            COUNT,
            {
                **_columns(down),
                "failures": [failures[one] for one in down],
                "probes": [probes[one] for one in down],
                "open_after": OPEN_AFTER,
                "pauses": BACKOFF.pauses,
                "last": len(BACKOFF.pauses) - 1,
                "now": now,
            },
        )


def _columns(endpoints: Collection[Endpoint]) -> dict[str, list[object]]:
    return {
        "organizations": [one.organization_id for one in endpoints],
        "origins": [one.origin for one in endpoints],
    }
