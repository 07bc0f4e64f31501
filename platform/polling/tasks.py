"""The turn of a poll loop, as django-q2 runs it, and the removal of what is old."""

from __future__ import annotations

import time
from datetime import timedelta

from asgiref.sync import async_to_sync

from config import clock
from polling import engine
from polling.models import PollRun
from retention.remove import remove
from worker import leases
from worker.loops import BUDGET

RUNS_KEPT = timedelta(days=30)


def poll_due() -> None:
    """Poll what is due where no loop does: the schedule's, a net below the loops (worker.loops)."""
    if not leases.is_worked_on("poll"):
        poll_until(time.monotonic() + BUDGET)


def poll_until(deadline: float) -> None:
    """Polls what falls due until `deadline` (time.monotonic())."""
    async_to_sync(engine.poll_until)(deadline)


def remove_old_runs() -> int:
    """Removes poll runs that are older than RUNS_KEPT; how many it were."""
    return remove(PollRun.objects.filter(started_at__lt=clock.agreed() - RUNS_KEPT))
