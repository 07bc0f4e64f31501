"""What happened to an instance, newest first: polls with something to tell, and events with their
deliveries. Six statements, whatever happened.

Rule: a page goes on below the place of the last item that was shown, so that none is shown twice or
passed over, however many share a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, Q

from console.event_titles import Title, titles_of
from console.place import Place
from events.models import Delivery, DeliveryAttempt, DeliveryStatus, Event
from events.progress import EventState, of_delivery
from instances import configuration as keys
from instances.models import ElementInstance
from polling.models import PollRun

ITEMS = 30  # of a page
RUN, EVENT = 0, 1  # of one time, events are above the poll that found them
LARGEST_BODIES = 500_000  # bytes that are read for titles: the part is asked for all the time
MOST_DELIVERIES = 10  # of one event; further ones are counted
# The latest of each resource by an index, then of all.
RUNS = """
SELECT run.*, r.name
  FROM polling_pollingresource r
 CROSS JOIN LATERAL (
       SELECT * FROM polling_pollrun p
        WHERE p.resource_id = r.id
          AND (%(at)s::timestamptz IS NULL OR p.started_at < %(at)s
               OR (p.started_at = %(at)s AND p.id < %(below)s))
        ORDER BY p.started_at DESC, p.id DESC
        LIMIT %(most)s
       ) run
 WHERE r.instance_id = %(instance)s
 ORDER BY run.started_at DESC, run.id DESC
 LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A delivery, and its last attempt if there was one."""

    progress: EventState
    to: str
    attempts: int
    failed: int  # of them in a row, where it is retried
    next_attempt_at: datetime | None
    attempt: DeliveryAttempt | None


@dataclass(slots=True)
class Item:
    place: Place
    run: PollRun | None = None
    event: Event | None = None
    counts: Mapping[str, int] = field(default_factory=dict)  # of objects, by what happened to them
    deliveries: list[Sent] = field(default_factory=list)
    further: int = 0  # deliveries that are not shown
    title: Title = ()  # of the event's first record

    @property
    def failed(self) -> bool:
        return (self.run is not None and self.run.outcome == "failed") or any(
            one.progress.tone in ("bad", "warn") for one in self.deliveries
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    items: list[Item]
    older: Place | None  # None: there is nothing older


def of(instance: ElementInstance, below: Place | None = None) -> Timeline:
    most = ITEMS + 1
    found = [*_runs(instance, below, most), *_events(instance, below, most)]
    found.sort(key=lambda item: item.place, reverse=True)
    shown = found[:ITEMS]
    _add_deliveries([item for item in shown if item.event is not None])
    _add_titles(instance, shown)
    return Timeline(shown, shown[-1].place if len(found) > ITEMS else None)


def _runs(instance: ElementInstance, below: Place | None, most: int) -> list[Item]:
    runs = PollRun.objects.raw(
        RUNS,
        {
            "instance": instance.pk,
            "at": None if below is None else below.at,
            # Below an event of the same time are all runs of that time.
            "below": 0 if below is None else below.id if below.table == RUN else 2**62,
            "most": most,
        },
    )
    return [Item(Place(run.started_at, RUN, run.pk), run=run) for run in runs]


def _events(instance: ElementInstance, below: Place | None, most: int) -> list[Item]:
    events = Event.objects.filter(instance=instance).defer("body", "message")
    if below is not None:
        before = Q(created_at__lt=below.at)
        if below.table == EVENT:
            before |= Q(created_at=below.at, pk__lt=below.id)
        events = events.filter(before, created_at__lte=below.at)
    return [
        Item(
            Place(event.created_at, EVENT, event.pk),
            event=event,
            counts=dict(
                Counter(str(one.get("eventType", "")).lower() for one in event.objects_found)
            ),
        )
        for event in events.order_by("-created_at", "-pk")[:most]
    ]


def _add_titles(instance: ElementInstance, items: Sequence[Item]) -> None:
    events = [item.event for item in items if item.event is not None]
    for event in events:
        event.instance = instance
    elements = {instance.element_key: keys.element_of(instance)}
    titles = titles_of(events, elements, LARGEST_BODIES)
    for item in items:
        item.title = titles.get(item.place.id, ()) if item.event is not None else ()


def _add_deliveries(items: Sequence[Item]) -> None:
    if not items:
        return
    by_event = {item.place.id: item for item in items}
    rows: list[Any] = list(
        Delivery.objects.filter(event__in=by_event)
        .order_by("pk")
        .values(
            "id",
            "event_id",
            "status",
            "attempts_made",
            "next_attempt_at",
            "subscription__origin",
            "subscription__channel",
            "subscription__active",
            "failures",
        )
    )
    shown: list[Any] = []
    count: Counter[int] = Counter()
    for row in rows:
        count[row["event_id"]] += 1
        if count[row["event_id"]] <= MOST_DELIVERIES:
            shown.append(row)
        else:
            by_event[row["event_id"]].further += 1
    last = DeliveryAttempt.objects.filter(
        delivery__in=[row["id"] for row in shown], number=F("delivery__attempts_made")
    ).defer("response_excerpt")
    attempts = {one.delivery_id: one for one in last}
    for row in shown:
        retried = row["status"] == DeliveryStatus.RETRY
        by_event[row["event_id"]].deliveries.append(
            Sent(
                of_delivery(
                    row["status"],
                    active=row["subscription__active"],
                    channel=row["subscription__channel"],
                ),
                row["subscription__origin"] or row["subscription__channel"],
                row["attempts_made"],
                row["failures"] if retried else 0,
                row["next_attempt_at"] if retried else None,
                attempts.get(row["id"]),
            )
        )
