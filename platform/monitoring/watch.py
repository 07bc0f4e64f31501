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
    expiring.warn(now)
    failing.tell(now)
    tell_stalls(now)
    sample.take(now)


def tell_stalls(now: datetime) -> int:
    """The web server's health check, too: it is who is left where the worker is dead."""
    return overdue.tell(now)
