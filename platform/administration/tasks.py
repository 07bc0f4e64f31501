"""What django-q2 runs: work on errands, and forget the old ones."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django_q.tasks import async_task

from administration import errands
from config import clock
from worker.line import run_line

KEPT = timedelta(days=90)  # an errand that has ended


def run_errands(slot: int = 0) -> None:
    """One turn of the line of errands (worker.line), which rests while there are none."""
    run_line("errands", slot, "administration.tasks.run_errands", errands.run_until)


def wake() -> None:
    """Queues the line's task once this transaction is committed. It may be at work already."""
    transaction.on_commit(
        lambda: async_task("administration.tasks.run_errands", 0, q_options={"save": False})
    )


def run_all() -> None:
    """Works until none is left."""
    errands.run_until(None)


def remove_old_errands() -> int:
    return errands.remove_finished(clock.agreed() - KEPT)
