"""Counts requests of the running minute over all processes and hosts.

Rule 1: never more than the limit is granted within a window, whatever the number of processes.
Rule 2: an ordinary request costs no query. A process draws requests in blocks from a row that all
share, and hands them out by itself; a block is a part of what is left, so that little stays unused
in other processes, and becomes single requests near the limit.
Rule 3: PostgreSQL's clock says when a window begins and ends; a process counts the seconds to its
end from before it asked. Hosts with wrong clocks count right.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

WINDOW = 60  # seconds; date_trunc('minute') below
SHARE = 20  # a block is a SHAREth of what is left
MOST_KNOWN = 10_000  # subjects that a process remembers
NONE_LEFT = -1  # of the whole window, for all processes
FORGET_EVERY = 600  # seconds between two removals of rows whose window is long over

# The new row's `block` is what was granted; 0 when the window has nothing left.
DRAW = """
INSERT INTO api_requestwindow AS known (subject, started_at, drawn, block)
SELECT %(subject)s, date_trunc('minute', clock_timestamp()), first.block, first.block
FROM (SELECT GREATEST(1, %(limit)s::bigint / %(share)s) AS block) AS first
ON CONFLICT (subject) DO UPDATE SET
    started_at = GREATEST(known.started_at, excluded.started_at),
    block = CASE WHEN excluded.started_at > known.started_at THEN excluded.block
        ELSE GREATEST(0, LEAST(
            %(limit)s - known.drawn, GREATEST(1, (%(limit)s - known.drawn) / %(share)s))) END,
    drawn = CASE WHEN excluded.started_at > known.started_at THEN excluded.block
        ELSE known.drawn + GREATEST(0, LEAST(
            %(limit)s - known.drawn, GREATEST(1, (%(limit)s - known.drawn) / %(share)s))) END
RETURNING block,
    EXTRACT(EPOCH FROM started_at + interval '1 minute' - clock_timestamp())::float8
"""
FORGET = """
DELETE FROM api_requestwindow WHERE started_at < clock_timestamp() - interval '10 minutes'
"""


@dataclass(slots=True)
class Block:
    """What one process may still let through for one subject, until `ends` of its own clock."""

    left: int
    ends: float


class Allowance:
    """The blocks that this process holds. Threads share one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._blocks: dict[str, Block] = {}
        self._lock = threading.Lock()
        self._forgotten_at = clock()

    def wait(self, subject: str, limit: int) -> float:
        """0 when the request may pass, which counts it; else seconds until the next window.

        `limit` is requests a minute; 0 lets everything pass, uncounted.
        """
        if limit <= 0:
            return 0.0
        if (known := self._taken(subject)) is not None:
            return known
        drawn = self._drawn(subject, limit)
        if drawn.left == NONE_LEFT:
            self._keep(subject, drawn)
            return max(drawn.ends - self._clock(), 1.0)
        drawn.left -= 1  # this request's own, before other threads see the block
        self._keep(subject, drawn)
        return 0.0

    def _taken(self, subject: str) -> float | None:
        """The wait as far as this process knows it, or None when it has to draw."""
        with self._lock:
            now = self._clock()
            block = self._blocks.get(subject)
            if block is None or block.ends <= now:
                return None
            if block.left > 0:
                block.left -= 1
                return 0.0
            return block.ends - now if block.left == NONE_LEFT else None

    def _drawn(self, subject: str, limit: int) -> Block:
        """A block of at least one request, or NONE_LEFT."""
        asked_at = self._clock()
        with connection.cursor() as cursor:
            cursor.execute(DRAW, {"subject": subject, "limit": limit, "share": SHARE})
            granted, seconds = cursor.fetchone()
            if asked_at - self._forgotten_at > FORGET_EVERY:
                self._forgotten_at = asked_at
                cursor.execute(FORGET)
        self._drop_ended(asked_at)
        return Block(granted or NONE_LEFT, asked_at + seconds)

    def _keep(self, subject: str, drawn: Block) -> None:
        """Adds to what the process holds; other threads may have drawn at the same time."""
        with self._lock:
            held = self._blocks.get(subject)
            if held is None or drawn.ends - held.ends > WINDOW / 2:
                self._blocks[subject] = drawn
            elif held.ends - drawn.ends > WINDOW / 2:
                return  # of a window that is over
            elif drawn.left == NONE_LEFT:
                held.left = held.left or NONE_LEFT
            else:
                held.left = max(held.left, 0) + drawn.left

    def _drop_ended(self, now: float) -> None:
        with self._lock:
            if len(self._blocks) > MOST_KNOWN:
                self._blocks = {
                    subject: block for subject, block in self._blocks.items() if block.ends > now
                }
