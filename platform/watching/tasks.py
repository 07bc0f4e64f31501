"""The turn of the loop that keeps watches at providers."""

from __future__ import annotations

from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from watching import claim, keep
from worker.loops import worked
from worker.side_by_side import side_by_side, until

SIDE_BY_SIDE = 8  # providers asked at once
BATCH = 40  # rows claimed at once


def keep_until(deadline: float) -> bool:
    """Work until time.monotonic() reaches `deadline`; False when nothing more is due."""
    return until(deadline, keep_batch)


def keep_all_due() -> None:
    """Works until nothing is due."""
    while keep_batch():
        pass


def keep_batch() -> int:
    """Starts, renews or stops a batch of due watches and returns how many were due."""
    clock.keep()
    due = claim.claim_due(BATCH, timezone.now())
    worked()
    if due:
        trouble.require_space()  # for what the provider gives
        side_by_side(due, keep.keep, SIDE_BY_SIDE, lease=claim.LEASE)
    return len(due)
