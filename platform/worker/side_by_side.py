"""Blocking work on claimed rows, in threads side by side: the life of a loop that asks providers.

A batch is claimed for a lease. What of it is not begun in time is left, and is due again when the
lease is over. What is begun asks nothing of its provider after that: somebody else may do so then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

from django.db import connection

from transport import waiting
from worker.loops import stopping

BEGIN_WITHIN = 30.0  # seconds after the claim
TO_STORE = 10.0  # seconds before the end of the lease that are left to store what came of it

T = TypeVar("T")


def until(deadline: float, batch: Callable[[], int]) -> bool:
    """Work on batches until time.monotonic() reaches `deadline`; False when nothing more is due.

    `batch` claims and works on one, and returns how many rows were due.
    """
    while time.monotonic() < deadline and not stopping():
        if not batch():
            return False
    return True


def side_by_side(
    rows: Sequence[T], work: Callable[[T], None], threads: int, *, lease: timedelta
) -> None:
    """Work on each row, at most `threads` at once. Raises what `work` raises.

    They have just been claimed, for `lease`.

    The threads take one row after the other, so that one that meets a provider that hangs keeps
    nothing from the others.
    """
    now = time.monotonic()
    left, begun_by = SimpleQueue[T](), now + BEGIN_WITHIN
    ends = now + lease.total_seconds() - TO_STORE
    for row in rows:
        left.put(row)
    hands = min(len(rows), threads)
    if hands:
        with ThreadPoolExecutor(hands) as pool:
            list(pool.map(partial(_work_through, left, work, begun_by), [ends] * hands))


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
