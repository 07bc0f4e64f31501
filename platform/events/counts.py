"""Count attempts by what the receiver answered: counters.families."""

from __future__ import annotations

from datetime import datetime

from counters import counting
from counters.families import ATTEMPTS, DELIVERY_DELAY, EVENT_AGE
from events.claim import Claimed
from events.outcome import Answer


def ended(delivery: Claimed, answer: Answer, began: datetime, at: datetime) -> None:
    """Count one attempt. Of first ones observe how late they began, of successes the event's age.

    A retry, and what a failing receiver holds up, is late for other reasons than Periodic.
    """
    counting.count(ATTEMPTS, status_of(answer))
    if delivery.due_at is not None and not delivery.failures and not delivery.failing:
        counting.observe(DELIVERY_DELAY, [(began - delivery.due_at).total_seconds()])
    if answer.delivered and delivery.recorded_at is not None:
        counting.observe(EVENT_AGE, [(at - delivery.recorded_at).total_seconds()])


def status_of(answer: Answer) -> str:
    """Return 2xx to 5xx, `none` without an answer, or `not_sent` where Periodic sent nothing."""
    if answer.status is not None:
        return f"{answer.status // 100}xx"
    return "none" if answer.sent else "not_sent"
