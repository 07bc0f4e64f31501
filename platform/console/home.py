"""The first page: what needs somebody now, the figures of the last day, what happened last.

Rule: each query is bounded, however many instances and events there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from console.event_list import with_states
from console.event_titles import elements_of, titles_of
from console.members import for_members
from events.models import Delivery, DeliveryStatus, Event
from events.redeliver import failed_between
from instances.models import ElementInstance
from instances.status import Status, with_status

DAY = timedelta(hours=24)
MOST_COUNTED = 1_000  # of each figure; more is said as such
NAMED = 3  # instances of each problem
LATEST = 10  # events
ADVICE = {
    Status.LOST: "Connect the account again: nothing is noticed until then",
    Status.POLLING_OFF: "Polling has stopped: see why",
    Status.DELIVERY_OFF: "Delivery was switched off: resume it once the receiver works",
    Status.OVERDUE: "Polls are overdue: see whether the worker runs",
    Status.POLLING_FAILING: "Polls fail; they are retried automatically",
    Status.DELIVERY_FAILING: "The receiver does not accept events; they are retried automatically",
}


class Need(NamedTuple):
    """Instances of one status: some of them, and how many there are, MOST_COUNTED + 1 at most."""

    status: Status
    advice: str
    total: int
    instances: Sequence[ElementInstance]


@require_safe
@for_members
def home(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    own = reach.rows(ElementInstance)
    if not own.exists():
        return redirect("console:catalogue")
    now = timezone.now()
    latest = reach.rows_of_instances(Event).defer("body", "message").select_related("instance")
    events = list(latest.order_by("-created_at", "-pk")[:LATEST])
    context = {
        "needs": _needs(own, now),
        "figures": _figures(reach, now),
        "most": MOST_COUNTED,
        "rows": with_states(events, reach.rows(Delivery)),
        "titles": titles_of(events, elements_of(reach)),
    }
    return render(request, "console/home.html", context)


def _needs(own: QuerySet[ElementInstance], now: datetime) -> list[Need]:
    found: dict[Status, list[int]] = {}
    for status in ADVICE:
        rows = with_status(own, status, now).order_by()
        found[status] = list(rows.values_list("pk", flat=True)[: MOST_COUNTED + 1])
    named = own.in_bulk([key for keys in found.values() for key in sorted(keys)[-NAMED:]])
    return [
        Need(
            status,
            ADVICE[status],
            len(keys),
            [named[key] for key in reversed(sorted(keys)[-NAMED:]) if key in named],
        )
        for status, keys in found.items()
        if keys
    ]


def _figures(reach: Reach, now: datetime) -> list[tuple[str, int, str]]:
    """Return name, number and the address that shows the rows."""
    since = now - DAY
    deliveries = reach.rows(Delivery)
    retried = deliveries.filter(status=DeliveryStatus.RETRY, created_at__gte=since)
    events = reach.rows_of_instances(Event).filter(created_at__gte=since)
    return [
        ("Events", _count(events), "/events"),
        ("Retrying", _count(retried), "/events?status=retrying"),
        ("Failed or held back", _count(failed_between(deliveries, since, now)), "/events/resend"),
    ]


def _count(rows: QuerySet[Any]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()
