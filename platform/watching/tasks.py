"""The line that keeps watches, as django-q2 runs it. It rests while nothing is due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import connection, transaction
from django.utils import timezone
from django_q.tasks import async_task

from config import clock
from watching import claim, keep
from watching.models import InstanceWatch
from worker.line import run_line, stopping

SIDE_BY_SIDE = 8  # providers asked at once
BATCH = 40  # rows claimed at once
BEGIN_WITHIN = 30.0  # seconds after the claim; what is left is due again when the lease is over
PAUSE = 0.2  # seconds, when nothing is due
REST_AFTER = 2.0  # seconds without anything due, after which the line rests until it is woken


def keep_due(slot: int = 0) -> None:
    run_line("watch", slot, "watching.tasks.keep_due", keep_until)


def keep_until(deadline: float) -> bool:
    """Works until time.monotonic() reaches `deadline`; False when nothing was due for a while."""
    idle_since = time.monotonic()
    while time.monotonic() < deadline and not stopping():
        if keep_batch():
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= REST_AFTER:
            return False
        else:
            time.sleep(PAUSE)
    return True


def wake() -> None:
    """Queues the line's task once this transaction is committed. It may be at work already."""
    transaction.on_commit(_queue)


def _queue() -> None:
    async_task("watching.tasks.keep_due", 0, q_options={"save": False})


def keep_all_due() -> None:
    """Works until nothing is due."""
    while keep_batch():
        pass


def keep_batch() -> int:
    """Starts, renews or stops a batch of due watches and returns how many were due."""
    clock.keep()
    due = claim.claim_due(BATCH, timezone.now())
    shares = [share for start in range(SIDE_BY_SIDE) if (share := due[start::SIDE_BY_SIDE])]
    if shares:
        until = time.monotonic() + BEGIN_WITHIN
        with ThreadPoolExecutor(len(shares)) as threads:
            list(threads.map(partial(_keep_share, until=until), shares))
    return len(due)


def _keep_share(rows: Sequence[InstanceWatch], until: float) -> None:
    try:
        for row in rows:
            if stopping() or time.monotonic() >= until:
                return
            keep.keep(row)
    finally:
        connection.close()  # this thread's own
