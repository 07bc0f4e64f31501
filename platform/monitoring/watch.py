"""Looks for what nobody else would tell of, and tells it, each thing once."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from config import clock
from events import failing
from instances import expiring
from monitoring import sample
from polling import overdue


def watch() -> None:
    """The worker's, every minute."""
    clock.keep()
    now = timezone.now()
    failures: list[Exception] = []
    for look in (expiring.warn, failing.tell, tell_stalls, sample.take):
        try:
            look(now)
        except Exception as error:  # keeps none of the others from looking
            failures.append(error)
    if failures:
        raise failures[0] if len(failures) == 1 else ExceptionGroup("the watch failed", failures)


def tell_stalls(now: datetime) -> int:
    """The web server's health check, too: it is who is left where the worker is dead."""
    return overdue.tell(now)
