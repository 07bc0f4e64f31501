"""What django-q2 runs: work on the jobs that are due, and remove the old ones."""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import async_to_sync
from django.conf import settings

from bulk import engine, removal
from config import clock


def run_until(deadline: float) -> bool:
    """Works on jobs until `deadline` (time.monotonic()); False when nothing more is due."""
    return async_to_sync(engine.run_until)(deadline)


def remove_old_jobs() -> int:
    """Removes jobs that finished more than BULK_KEPT_DAYS ago (0: none); how many it were."""
    if not settings.BULK_KEPT_DAYS:
        return 0
    return removal.remove_finished(clock.agreed() - timedelta(days=settings.BULK_KEPT_DAYS))
