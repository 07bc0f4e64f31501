"""What django-q2 runs: work on the jobs that are due, and remove the old ones."""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction
from django_q.tasks import async_task

from bulk import engine, removal
from config import clock
from worker.line import run_line


def run_due(slot: int = 0) -> None:
    """One turn of the bulk line (worker.line), which rests while there are no jobs."""
    run_line("bulk", slot, "bulk.tasks.run_due", run_until)


def run_until(deadline: float) -> bool:
    """Works on jobs until `deadline` (time.monotonic()); False when nothing more is due."""
    return async_to_sync(engine.run_until)(deadline)


def wake() -> None:
    """Queues the line's task once this transaction is committed. It may be at work already."""
    transaction.on_commit(_queue)


def _queue() -> None:
    async_task("bulk.tasks.run_due", 0, q_options={"save": False})


def run_all_due() -> None:
    """Works until no job is due."""
    async_to_sync(engine.run_until)(None)


def remove_old_jobs() -> int:
    """Removes jobs that finished more than BULK_KEPT_DAYS ago (0: none); how many it were."""
    if not settings.BULK_KEPT_DAYS:
        return 0
    return removal.remove_finished(clock.agreed() - timedelta(days=settings.BULK_KEPT_DAYS))
