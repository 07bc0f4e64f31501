"""Blocking work on claimed rows, in threads side by side: the life of a loop that asks providers.

A batch is claimed for a lease. What of it is not begun in time is left, and is due again when the
lease is over. What is begun asks nothing of its provider after that: somebody else may do so then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import connection
from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from transport import waiting
from worker.loops import stopping, worked

THREADS = 8  # rows worked on at once
BEGIN_WITHIN = 30.0  # seconds after the claim
TO_STORE = 10.0  # seconds before the end of the lease that are left to store what came of it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BlockingLoop(Generic[T]):
    """A loop: `claim` claims at most `most` due rows for `lease`, `work` works on one.

    What `work` raises ends the turn.
    """

    claim: Callable[[int, datetime], Sequence[T]]
    work: Callable[[T], None]
    most: int
    lease: timedelta

    def until(self, deadline: float) -> bool:
        """Work until time.monotonic() reaches `deadline`; False when nothing more is due."""
        while time.monotonic() < deadline and not stopping():
            if not self.batch():
                return False
        return True

    def batch(self) -> int:
        """Work on a batch. Returns how many rows were due."""
        clock.keep()
        due = self.claim(self.most, timezone.now())
        worked()
        if due:
            trouble.require_space()  # for what the provider answers
            self._side_by_side(due)
        return len(due)

    def _side_by_side(self, rows: Sequence[T]) -> None:
        """The threads take one row after the other, so that one that meets a provider that hangs
        keeps nothing from the others."""
        now = time.monotonic()
        left, begun_by = SimpleQueue[T](), now + BEGIN_WITHIN
        ends = now + self.lease.total_seconds() - TO_STORE
        for row in rows:
            left.put(row)
        hands = min(len(rows), THREADS)
        with ThreadPoolExecutor(hands) as pool:
            list(pool.map(partial(_work_through, left, self.work, begun_by), [ends] * hands))


def _work_through(
    left: SimpleQueue[T], work: Callable[[T], None], begun_by: float, ends: float
) -> None:
    try:
        while not (stopping() or time.monotonic() >= begun_by):
            with waiting.ends_by(ends):
                work(left.get_nowait())
    except Empty:
        return
    finally:
        connection.close()  # this thread's own
