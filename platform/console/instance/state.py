"""The one word that says how an instance is, on every page, and the rows that it is true of.

Rule: `of` and `only` say the same of a row, the gravest first, so that a list that is filtered by a
state shows that state on each of its rows.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from django.db.models import Exists, OuterRef, Q, QuerySet

from instances import expiring
from instances.models import ElementInstance
from instances.reason import Reason
from instances.standing import Marks, problem_of
from polling import overdue


class State(Enum):
    """Its value stands in addresses; `label` is for people, `tone` a class of badges."""

    LOST = "needs-reconnection", "needs reconnection", "bad"
    DISABLED = "disabled", "disabled", ""
    OVERDUE = "overdue", "overdue", "bad"
    ATTENTION = "needs-attention", "needs attention", "warn"
    HEALTHY = "healthy", "healthy", "good"

    label: str
    tone: str

    def __new__(cls, value: str, label: str, tone: str) -> State:
        state = object.__new__(cls)
        state._value_ = value
        state.label = label
        state.tone = tone
        return state


def of(instance: ElementInstance, marks: Marks) -> State:
    """`marks` are of instances.standing. Reads `credential` of the row."""
    if not instance.valid:
        return State.LOST
    if not instance.enabled:
        return State.DISABLED
    if instance.pk in marks and marks[instance.pk].code == Reason.POLLING_STALLED:
        return State.OVERDUE
    return State.HEALTHY if problem_of(instance, marks) is None else State.ATTENTION


def only(rows: QuerySet[ElementInstance], state: State, now: datetime) -> QuerySet[ElementInstance]:
    """Those of the rows that are in this state."""
    if state is State.LOST:
        return rows.filter(valid=False)
    if state is State.DISABLED:
        return rows.filter(valid=True, enabled=False)
    late = Q(events_enabled=True) & Exists(overdue.resources(now).filter(instance=OuterRef("pk")))
    working = rows.filter(valid=True, enabled=True)
    if state is State.OVERDUE:
        return working.filter(late)
    ends_soon = Q(credential__ends_at__lte=now + expiring.warned_ahead())
    on_time = working.filter(~late)
    if state is State.ATTENTION:
        return on_time.filter(~Q(problem="") | ends_soon)
    return on_time.filter(problem="").exclude(ends_soon)
