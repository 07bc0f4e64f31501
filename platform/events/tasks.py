"""What django-q2 runs: look for deliveries that are due, and remove what is old."""

from __future__ import annotations

import time
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.conf import settings

from config import clock
from events import attempt, retention
from events.deliver import DeliveryEngine
from worker import leases
from worker.garbage import rare_collection
from worker.loops import BUDGET

REFUSED_KEPT_DAYS = 30  # at most
RECEIVED_KEPT_DAYS = 30  # at least; no provider sends the same again later than that


def deliver_due() -> None:
    """Deliver what is due where no loop does: the schedule's, a net below the loops."""
    if not leases.is_worked_on("deliver"):
        deliver_until(time.monotonic() + BUDGET)


def deliver_until(deadline: float) -> None:
    """Delivers what is due, or falls due, until `deadline` on time.monotonic()."""
    async_to_sync(_deliver)(deadline)


async def _deliver(deadline: float) -> None:
    async with attempt.open_sessions() as sessions:
        engine = DeliveryEngine(sessions, settings.DELIVERY_CONCURRENCY)
        with rare_collection():
            await engine.run(deadline)


def remove_old_events() -> int:
    """Removes settled events older than EVENTS_KEPT_DAYS (0: none); how many it were.

    What providers sent is remembered as long, but not for ever: see RECEIVED_KEPT_DAYS.
    """
    remembered = timedelta(days=max(settings.EVENTS_KEPT_DAYS, RECEIVED_KEPT_DAYS))
    now = clock.agreed()
    retention.remove_received(now - remembered)
    kept = min(REFUSED_KEPT_DAYS, settings.EVENTS_KEPT_DAYS or REFUSED_KEPT_DAYS)
    retention.remove_refused(now - timedelta(days=kept))
    retention.remove_endpoints(now - remembered)
    if not settings.EVENTS_KEPT_DAYS:
        return 0
    return retention.remove_events(now - timedelta(days=settings.EVENTS_KEPT_DAYS))
