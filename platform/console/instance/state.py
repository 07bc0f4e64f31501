"""The one word that says how an instance is, on every page, and the rows that it is true of.

Rule: `of` and `only` say the same of a row, the gravest first, so that a list that is filtered by a
state shows that state on each of its rows.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from encryption.probe import lacks_key
from instances import expiring
from instances.models import Credential, CredentialState, ElementInstance
from instances.reason import Reason
from instances.status import NO_NOTE, Notes, problem_of
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


def of(instance: ElementInstance, notes: Notes) -> State:
    """`notes` are of instances.status. Reads `credential` of the row."""
    if not instance.valid:
        return State.LOST
    if not instance.enabled:
        return State.DISABLED
    seen = notes.get(instance.pk, NO_NOTE).problem
    if seen is not None and seen.code == Reason.POLLING_STALLED:
        return State.OVERDUE
    return State.HEALTHY if problem_of(instance, notes) is None else State.ATTENTION


def only(rows: QuerySet[ElementInstance], state: State, now: datetime) -> QuerySet[ElementInstance]:
    """Those of the rows that are in this state."""
    if state is State.LOST:
        return rows.filter(valid=False)
    if state is State.DISABLED:
        return rows.filter(valid=True, enabled=False)
    working = rows.filter(valid=True, enabled=True)
    late = Q(events_enabled=True) & Exists(overdue.resources(now).filter(instance=OuterRef("pk")))
    if state is State.OVERDUE:
        return working.filter(late)
    if state is State.ATTENTION:
        # Few among many: found first, by indexes of their own.
        wrong = working.exclude(problem="").values("pk")
        ending = working.filter(pk__in=_ending(now)).values("pk")
        sealed = working.filter(_unopened()).values("pk")
        found = wrong.order_by().union(ending.order_by(), sealed.order_by())
        return working.filter(~late, pk__in=found)
    return working.filter(~late, ~_unopened(), problem="").exclude(pk__in=_ending(now))


def _unopened() -> Q:
    """Instances with a secret whose key is not at hand."""
    grants = Credential.objects.filter(instance=OuterRef("pk"))
    return lacks_key("secrets") | Q(
        Exists(grants.filter(lacks_key("access_token") | lacks_key("refresh_token")))
    )


def _ending(now: datetime) -> QuerySet[Credential, Any]:
    """The instances whose grant ends soon."""
    soon = now + expiring.warned_ahead()
    return Credential.objects.filter(
        state=CredentialState.OK, ends_at__isnull=False, ends_at__lte=soon
    ).values("instance")
