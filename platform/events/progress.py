"""How far an event has come, in one word: of its deliveries, the worst.

Rule: `progress_of` and `with_progress` say the same of an event, so that a list that is filtered
shows the word on each of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from itertools import takewhile
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from api.paging import Part
from events.models import NOT_ARRIVED, Channel, Delivery, DeliveryStatus, Event, EventStatus
from events.status import sent, with_status


class EventState(Enum):
    """The worst first. `label` is for people, `tone` a class of badges."""

    FAILED = "failed", "failed", "bad"
    OFF = "delivery-off", "waiting: delivery is off", "warn"
    RETRYING = "retrying", "retrying", "warn"
    QUEUED = "queued", "queued", "warn"
    IN_ORDER = "in-order", "waiting for an earlier event", ""
    SENDING = "sending", "on its way", ""
    DELIVERED = "delivered", "delivered", "good"
    STORED = "stored", "stored only", ""

    label: str
    tone: str

    def __new__(cls, value: str, label: str, tone: str) -> EventState:
        progress = object.__new__(cls)
        progress._value_ = value
        progress.label = label
        progress.tone = tone
        return progress


class EventProgress(NamedTuple):
    """The word for an event. The last two are of the delivery that is retried first."""

    progress: EventState
    failed: int = 0  # attempts in a row
    next_attempt_at: datetime | None = None


# What its own row says of an event whose deliveries somebody may not see.
UNSEEN = {
    EventStatus.NEW: EventState.STORED,
    EventStatus.DISPATCHED: EventState.SENDING,
    EventStatus.NOTIFIED: EventState.DELIVERED,
}
OF_DELIVERY = {
    DeliveryStatus.FAILED: EventState.FAILED,
    DeliveryStatus.RETRY: EventState.RETRYING,
    DeliveryStatus.WAITING: EventState.IN_ORDER,
    DeliveryStatus.CREATED: EventState.SENDING,
    DeliveryStatus.DELIVERED: EventState.DELIVERED,
}
_ORDER = {progress: place for place, progress in enumerate(EventState)}


def progress_of(event: Event, deliveries: Sequence[Delivery]) -> EventProgress:
    """Return the worst of the event's deliveries. Reads their `subscription`."""
    found = [
        of_delivery(one.status, active=one.subscription.active, channel=one.subscription.channel)
        for one in deliveries
    ] or [UNSEEN[EventStatus(event.status)]]
    worst = min(found, key=_ORDER.__getitem__)
    if worst is not EventState.RETRYING:
        return EventProgress(worst)
    retried = [one for one in deliveries if one.status == DeliveryStatus.RETRY]
    first = min(retried, key=lambda one: one.next_attempt_at)
    return EventProgress(worst, first.failures, first.next_attempt_at)


def with_progress(
    events: QuerySet[Event], deliveries: QuerySet[Delivery], progress: EventState
) -> list[Part[Event]]:
    """Return those of the events that `progress_of` says this of, by these deliveries.

    Those of topics may have several; any other has one, which is seen with it.
    """
    if progress is EventState.STORED:
        return with_status(events, EventStatus.NEW)
    own = deliveries.filter(event=OuterRef("pk"))
    dispatched = events.filter(status=EventStatus.DISPATCHED)
    of_topics = dispatched.exclude(topic="")
    if progress is EventState.DELIVERED:
        arrived = Exists(own) & ~Exists(own.exclude(status=DeliveryStatus.DELIVERED))
        return [*with_status(events, EventStatus.NOTIFIED), Part(of_topics.filter(arrived))]
    for worse in takewhile(lambda one: one is not progress, EventState):
        of_topics = of_topics.filter(~Exists(own.filter(_condition(worse))))
    found = Exists(own.filter(_condition(progress)))
    of_topics = of_topics.filter(found | ~Exists(own) if progress is EventState.SENDING else found)
    return [Part(of_topics), sent(dispatched, NOT_ARRIVED, _condition(progress, "sent__"))]


def of_delivery(status: str, *, active: bool, channel: str) -> EventState:
    """Return the word for one delivery; `active` and `channel` are its subscription's."""
    if status != DeliveryStatus.QUEUED:
        return OF_DELIVERY[DeliveryStatus(status)]
    return EventState.QUEUED if active or channel == Channel.QUEUE else EventState.OFF


def _condition(progress: EventState, of: str = "") -> Q:
    """On a delivery, whose columns begin with `of`."""
    if progress not in (EventState.OFF, EventState.QUEUED):
        status = next(status for status, shown in OF_DELIVERY.items() if shown is progress)
        return Q((f"{of}status", status))
    active, channel = f"{of}subscription__active", f"{of}subscription__channel"
    called = [one for one in Channel if one is not Channel.QUEUE]
    off = Q((active, False), (f"{channel}__in", called))
    rest = Q((active, True)) | Q((channel, Channel.QUEUE))
    return Q((f"{of}status", DeliveryStatus.QUEUED)) & (off if progress is EventState.OFF else rest)
