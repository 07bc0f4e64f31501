"""Which instances something may come from, and when each is polled next: for pages still empty."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Min, Q, QuerySet

from instances.models import ElementInstance
from instances.status import Status, notes_of, status_of

MOST = 5  # instances


class NextCheck(NamedTuple):
    """`at` is none where nothing of the instance is polled, as where webhooks tell of it."""

    instance: ElementInstance
    status: Status
    at: datetime | None


def next_checks(rows: QuerySet[ElementInstance]) -> list[NextCheck]:
    """Return the latest of the instances whose events are on."""
    polled = Q(polling_resources__active=True)
    on = rows.filter(events_enabled=True).select_related("credential")
    timed = on.annotate(at=Min("polling_resources__next_poll_at", filter=polled))
    found = list(timed.order_by("-pk")[:MOST])
    notes = notes_of(found)
    return [NextCheck(one, status_of(one, notes), one.at) for one in found]
