"""What the API says of an event in one word: NEW, DISPATCHED or NOTIFIED.

An event without a topic goes to its instance's subscription alone, which stays as long as the
event does. Its row says for ever what was true when it was recorded, NEW or DISPATCHED, and is not
written again when it arrives: its one delivery says whether it has.

One of a topic may go to several, and stay when they go. Its row says the word, and whoever changes
that writes it: events.commit, events.fetch, events.redeliver, events.topics. So does the row of
what arrived before this rule, whatever it goes to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.db.models import F, FilteredRelation, Q, QuerySet

from api.paging import Part
from events.models import (
    NOT_ARRIVED,
    TOLD_BY_DELIVERY,
    Delivery,
    DeliveryStatus,
    Event,
    EventStatus,
)

ALONG_DELIVERIES = ("sent__created_at", "sent__event_id")


def statuses_of(events: Collection[Event]) -> dict[int, str]:
    """Return the word for each, {id: word}, by one query at most."""
    words = {event.pk: event.status for event in events}
    asked = [event.pk for event in events if event.is_told_by_delivery]
    if asked:
        arrived = Delivery.objects.filter(event__in=asked, status=DeliveryStatus.DELIVERED)
        for key in arrived.values_list("event_id", flat=True):
            words[key] = EventStatus.NOTIFIED.value
    return words


def with_status(events: QuerySet[Event], status: str) -> list[Part[Event]]:
    """Return those of the events that `statuses_of` says this of."""
    told = Part(events.filter(~TOLD_BY_DELIVERY, status=status))
    if status == EventStatus.NEW:
        return [told]
    if status == EventStatus.NOTIFIED:
        return [told, sent(events.exclude(status=EventStatus.NEW), [DeliveryStatus.DELIVERED])]
    return [told, sent(events.filter(status=EventStatus.DISPATCHED), NOT_ARRIVED)]


def sent(events: QuerySet[Event], statuses: Sequence[str], also: Q | None = None) -> Part[Event]:
    """Return those without a topic whose delivery is in one of these, along its index by time.

    `also` is further asked of the delivery, whose columns begin with `sent__`.
    """
    delivery = FilteredRelation("deliveries", condition=Q(deliveries__status__in=statuses))
    found = events.filter(topic="").annotate(sent=delivery)
    found = found.filter(sent__organization=F("organization"))
    return Part(found if also is None else found.filter(also), ALONG_DELIVERIES)
