"""The turn of the loop that keeps watches at providers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import connection
from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from watching import claim, keep
from watching.models import InstanceWatch
from worker.loops import stopping, worked

SIDE_BY_SIDE = 8  # providers asked at once
BATCH = 40  # rows claimed at once
BEGIN_WITHIN = 30.0  # seconds after the claim; what is left is due again when the lease is over


def keep_until(deadline: float) -> bool:
    """Work until time.monotonic() reaches `deadline`; False when nothing more is due."""
    while time.monotonic() < deadline and not stopping():
        if not keep_batch():
            return False
    return True


def keep_all_due() -> None:
    """Works until nothing is due."""
    while keep_batch():
        pass


def keep_batch() -> int:
    """Starts, renews or stops a batch of due watches and returns how many were due."""
    clock.keep()
    due = claim.claim_due(BATCH, timezone.now())
    worked()
    shares = [share for start in range(SIDE_BY_SIDE) if (share := due[start::SIDE_BY_SIDE])]
    if shares:
        trouble.require_space()  # for what the provider gives
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
