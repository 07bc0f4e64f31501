"""What django-q2 runs for itself."""

from __future__ import annotations

from datetime import timedelta

from django_q.models import Failure

from config import clock
from retention.remove import remove

FAILURES_KEPT = timedelta(days=30)


def remove_old_failures() -> int:
    """Removes tasks that failed long ago, which django-q2 keeps for ever; how many it were."""
    return remove(Failure.objects.filter(stopped__lt=clock.agreed() - FAILURES_KEPT))
