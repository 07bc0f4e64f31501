"""Which host runs which loop: leases on rows.

Theory of operation. Each host's keeper (worker.keeper) says every few seconds that it is there,
and sees which others are. All hosts deal the loops out among those that are alive by the same rule,
so that each knows its share without asking. It takes a loop of its share once nobody else's lease
on it is in force, renews those that it holds, and gives back what is no longer its own.

Rule 1: all times are by PostgreSQL's clock; a host's own clock decides nothing.
Rule 2: a loop that two hosts run for a moment costs an idle look: the rows that it works on have
leases of their own.
Rule 3: a host whose loops do not work gets no share while there are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from config.clock import MAX_DIFFERENCE
from worker.loops import LOOPS, Loop

Place = tuple[str, int]  # a loop's name and its slot

LEASE = 45.0  # seconds
# Others take a host's share when its leases have ended, and not before: until then they would give
# their own loops back for those of it that they cannot take yet, and nobody would poll.
ALIVE = LEASE  # seconds since a host was heard of
KEPT = 86_400.0  # seconds that the row of a host that is gone is kept

LIMITS = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'"
BEAT = """
INSERT INTO worker_workerhost
       (name, processes, started_at, seen_at, clock_offset, trouble)
VALUES (%(name)s, %(processes)s, clock_timestamp(), clock_timestamp(), %(offset)s, %(trouble)s)
    ON CONFLICT (name) DO UPDATE
   SET processes = EXCLUDED.processes, seen_at = clock_timestamp(),
       clock_offset = EXCLUDED.clock_offset, trouble = EXCLUDED.trouble
"""
FORGET = """
DELETE FROM worker_workerhost
 WHERE seen_at < clock_timestamp() - %(kept)s * interval '1 second'
"""
ALIVE_HOSTS = """
SELECT name, trouble = '' FROM worker_workerhost
 WHERE seen_at > clock_timestamp() - %(alive)s * interval '1 second'
 ORDER BY started_at, name
"""
GIVE_BACK = """
DELETE FROM worker_looplease AS lease
 WHERE NOT EXISTS (SELECT FROM unnest(%(loops)s::text[], %(slots)s::int[]) AS mine (loop, slot)
                    WHERE mine.loop = lease.loop AND mine.slot = lease.slot)
   AND (host = %(name)s
        OR lease_until < clock_timestamp() - %(kept)s * interval '1 second')
"""
TAKE = """
INSERT INTO worker_looplease AS held (loop, slot, host, lease_until, taken_at, worked_at)
SELECT mine.loop, mine.slot, %(name)s, clock_timestamp() + %(lease)s * interval '1 second',
       clock_timestamp(), clock_timestamp() - mine.age * interval '1 second'
  FROM unnest(%(loops)s::text[], %(slots)s::int[], %(ages)s::float8[]) AS mine (loop, slot, age)
 ORDER BY mine.loop, mine.slot
    ON CONFLICT (loop, slot) DO UPDATE
   SET host = EXCLUDED.host, lease_until = EXCLUDED.lease_until,
       taken_at = CASE WHEN held.host = EXCLUDED.host THEN held.taken_at
                       ELSE EXCLUDED.taken_at END,
       worked_at = GREATEST(held.worked_at, EXCLUDED.worked_at)
 WHERE held.host = EXCLUDED.host OR held.lease_until < clock_timestamp()
RETURNING loop, slot
"""
LEAVE = """
WITH loops AS (DELETE FROM worker_looplease WHERE host = %(name)s)
DELETE FROM worker_workerhost WHERE name = %(name)s
"""
WORKED_ON = """
SELECT EXISTS (SELECT FROM worker_looplease
                WHERE loop = %(loop)s AND lease_until > clock_timestamp()
                  AND worked_at > clock_timestamp() - %(alive)s * interval '1 second')
"""
# A loop that no host's rows are left of has nobody who could say so: hence by loop, from outside.
AT_REST = """
SELECT known.loop,
       extract(epoch FROM clock_timestamp() - max(GREATEST(lease.worked_at, lease.taken_at)))
  FROM unnest(%(loops)s::text[]) AS known (loop)
  LEFT JOIN worker_looplease AS lease ON lease.loop = known.loop
 GROUP BY known.loop
"""
HOSTS = """
SELECT name, processes, started_at, seen_at, clock_offset, trouble,
       ARRAY(SELECT lease.loop || ' ' || (lease.slot + 1) FROM worker_looplease AS lease
              WHERE lease.host = host.name AND lease.lease_until > clock_timestamp()
              ORDER BY lease.loop, lease.slot)
  FROM worker_workerhost AS host
 WHERE seen_at > clock_timestamp() - %(alive)s * interval '1 second'
 ORDER BY started_at, name
"""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is alive. `clock_offset` is in seconds, positive when its clock is ahead."""

    name: str
    processes: int
    started_at: datetime
    seen_at: datetime
    clock_offset: float = 0.0
    trouble: str = ""
    loops: Sequence[str] = field(default_factory=list)

    @property
    def clock_wrong(self) -> str:
        """By how much its clock is ahead of PostgreSQL's or behind it; empty when it is right."""
        if abs(self.clock_offset) <= MAX_DIFFERENCE:
            return ""
        return f"{abs(self.clock_offset):.0f} s {'ahead of' if self.clock_offset > 0 else 'behind'}"


def shares(hosts: Sequence[str], loops: Sequence[Loop] = LOOPS) -> dict[str, list[Place]]:
    """Deal the loops out among hosts: of each kind and in all, nobody has two more than another.

    One more host at the end of `hosts` moves as few loops as this allows.
    """
    dealt: dict[str, list[Place]] = {host: [] for host in hosts}
    turn = 0
    for loop in loops:
        for slot in range(loop.count(len(hosts)) if hosts else 0):
            dealt[hosts[turn % len(hosts)]].append((loop.name, slot))
            turn += 1
    return dealt


def tend(
    name: str,
    processes: int,
    *,
    clock_offset: float = 0.0,
    trouble: str = "",
    worked: Mapping[Place, float] | None = None,
) -> list[Place]:
    """Say that this host is there, and return the loops that it holds for LEASE seconds from now.

    `worked` says of its loops how many seconds ago each last worked. Raises the database's errors.
    """
    worked = worked or {}
    named = {"name": name}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LIMITS)
        cursor.execute(
            BEAT,
            {"name": name, "processes": processes, "offset": clock_offset, "trouble": trouble},
        )
        cursor.execute(FORGET, {"kept": KEPT})
        mine = shares(_alive(cursor)).get(name, [])
        places: dict[str, Any] = {
            "loops": [loop for loop, _ in mine],
            "slots": [slot for _, slot in mine],
            "ages": [worked.get(place) for place in mine],
        }
        cursor.execute(GIVE_BACK, {**named, **places, "kept": KEPT})
        cursor.execute(TAKE, {**named, **places, "lease": LEASE})
        return [(loop, slot) for loop, slot in cursor.fetchall()]


def _alive(cursor: CursorWrapper) -> list[str]:
    cursor.execute(ALIVE_HOSTS, {"alive": ALIVE})
    rows = cursor.fetchall()
    return [name for name, works in rows if works] or [name for name, _ in rows]


def leave(name: str) -> None:
    """Give everything back, so that others take it over at once."""
    with connection.cursor() as cursor:
        cursor.execute(LEAVE, {"name": name})


def alive() -> list[Host]:
    """Return the hosts that were heard of within the last ALIVE seconds, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(HOSTS, {"alive": ALIVE})
        return [Host(*row) for row in cursor.fetchall()]


def is_worked_on(loop: str) -> bool:
    """Return whether some host works on this kind of loop."""
    with connection.cursor() as cursor:
        cursor.execute(WORKED_ON, {"loop": loop, "alive": ALIVE})
        row: tuple[bool] = cursor.fetchone()
    return row[0]


def at_rest() -> dict[str, float | None]:
    """Return for how many seconds each kind of loop has not worked on any host.

    None stands for a loop that has never run since there are rows.
    """
    with connection.cursor() as cursor:
        cursor.execute(AT_REST, {"loops": [loop.name for loop in LOOPS]})
        return {loop: None if age is None else float(age) for loop, age in cursor.fetchall()}
