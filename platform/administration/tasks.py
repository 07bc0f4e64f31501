"""What django-q2 runs: the removal of old errands."""

from __future__ import annotations

from datetime import timedelta

from administration import errands
from config import clock

KEPT = timedelta(days=90)  # an errand that has ended


def remove_old_errands() -> int:
    return errands.remove_finished(clock.agreed() - KEPT)
