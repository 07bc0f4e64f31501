"""Looks for what nobody else would tell of, and tells it, each thing once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog
from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from events import failing
from instances import expiring
from monitoring import sample
from polling import overdue

log = structlog.get_logger()


def tell_stalls(now: datetime) -> int:
    """The web server's health check, too: it is who is left where the worker is dead."""
    return overdue.tell(now)


# By what a failure of it is called.
LOOKS: dict[str, Callable[[datetime], object]] = {
    "grants that end": expiring.warn,
    "receivers that fail": failing.tell,
    "polls that stall": tell_stalls,
    "samples": sample.take,
}


def watch() -> None:
    """The worker's, every minute."""
    clock.keep()
    now = timezone.now()
    failed: list[str] = []
    for name, look in LOOKS.items():
        try:
            look(now)
        except Exception as error:  # keeps none of the others from looking
            if trouble.passes(error):
                raise
            log.exception("watch.failed", look=name)
            failed.append(name)
    if failed:
        raise RuntimeError(f"the worker's watch failed: {', '.join(failed)}")
