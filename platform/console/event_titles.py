"""What events are about, in a line each: by what their records say that the event holds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from accounts.reach import Reach
from elements import catalogue
from elements.record_title import title_of
from elements.types import Element
from events.models import Event
from explanations.chain import BODY_SIZE, records_of

LARGEST_BODIES = 3_000_000  # bytes that are read for the titles of one page, newest events first

Title = tuple[str, ...]


def elements_of(reach: Reach) -> Mapping[str, Element]:
    """Return the elements that instances within reach may be of, by key."""
    found = catalogue.all_elements(reach.organization.pk, reach.account_id)
    return {one.key: one for one in found}


def titles_of(
    events: Sequence[Event], elements: Mapping[str, Element], most: int | None = None
) -> dict[int, Title]:
    """Return the title of the first record of each event, by id, by two queries for all of them.

    Reads `instance` of the rows. Those that have no title are left out, and so are older ones where
    the bodies would be more than `most` bytes.
    """
    own = {one.pk: one for one in events if not one.topic and one.instance is not None}
    sizes = Event.objects.filter(pk__in=own).annotate(size=BODY_SIZE).order_by("-pk")
    room, read = LARGEST_BODIES if most is None else most, []
    for event_id, size in sizes.values_list("pk", "size"):
        if size <= room:
            room -= size
            read.append(event_id)
    bodies = Event.objects.filter(pk__in=read).values_list("pk", "body")
    titles = {key: title(own[key], body, elements) for key, body in bodies}
    return {key: found for key, found in titles.items() if found}


def title(event: Event, body: str, elements: Mapping[str, Element]) -> Title:
    records = records_of(event, json.loads(body))
    return of_record(event, records[0], elements) if records else ()


def of_record(event: Event, record: object, elements: Mapping[str, Element]) -> Title:
    """Return the title of one record of the event."""
    element = elements.get(event.instance.element_key) if event.instance is not None else None
    resource = element.resource(event.object_type) if element is not None else None
    return () if resource is None else title_of(resource, record)
