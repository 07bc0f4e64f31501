"""What should have run and did not, in words; nothing when all runs.

Each check follows from rows and the time, so it is true whatever has died.
"""

from __future__ import annotations

from datetime import datetime

from config import clock
from events import backlog
from instances import grants
from polling import overdue


def faults(now: datetime) -> dict[str, str]:
    """By the name of the check. Raises the database's errors."""
    found: dict[str, str] = {}
    polls = overdue.figures(now)
    if polls.resources:
        found["polling"] = (
            f"{polls.resources} resources should have been polled and were not, "
            f"the oldest {polls.oldest_seconds:.0f} s ago"
        )
    deliveries = backlog.figures(now)
    if deliveries.late:
        found["deliveries"] = (
            f"{deliveries.late} deliveries are due for more than "
            f"{backlog.LATE_AFTER.total_seconds():.0f} s, to receivers that do not fail"
        )
    credentials = grants.figures(now)
    if credentials.late:
        found["refreshes"] = (
            f"{credentials.late} tokens should have been renewed more than "
            f"{grants.LATE_AFTER.total_seconds():.0f} s ago"
        )
    if clock.differs():
        found["clock"] = clock.difference()
    return found
