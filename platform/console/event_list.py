"""The list of events, newest first, by type, status, instance and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request

from accounts.reach import Reach
from api.errors import BadRequest
from api.paging import latest_page_of
from console.event_titles import elements_of, titles_of
from console.instance.named import named
from console.instance.next_check import next_checks
from events.listing import filtered, narrowed
from events.models import Delivery, Event
from events.progress import EventProgress, EventState, progress_of, with_progress
from instances.models import ElementInstance

PAGE = 50  # events
READ = (
    "event",
    "status",
    "failures",
    "next_attempt_at",
    "subscription__active",
    "subscription__channel",
)


def page(request: HttpRequest, reach: Reach) -> HttpResponse:
    asked = {name: str(value).replace("\0", "").strip() for name, value in request.GET.items()}
    context: dict[str, Any] = {
        "filters": {"instance": asked.get("account", ""), **asked, "from_": asked.get("from", "")},
        "statuses": list(EventState),
        "filtering": any(
            asked.get(name)
            for name in ("objectType", "status", "instance", "account", "from", "to")
        ),
    }
    try:
        context |= _listed(request, reach, asked)
    except BadRequest as error:
        return render(
            request, "console/events.html", {**context, "problem": str(error)}, status=400
        )
    return render(request, "console/events.html", context)


def _listed(request: HttpRequest, reach: Reach, asked: dict[str, str]) -> dict[str, Any]:
    events = reach.rows_of_instances(Event)
    if instance := asked.get("instance") or asked.get("account", ""):
        events = events.filter(instance__in=named(reach, instance))
    deliveries = reach.rows(Delivery)
    progress = next((one for one in EventState if one.value == asked.get("status")), None)
    events = events.defer("body").select_related("instance")
    if progress is not None:
        parts = narrowed(asked, with_progress(events, deliveries, progress))
    else:  # it may be a word of the API's
        parts = filtered(asked, events)
    listing = latest_page_of(Request(request), events, parts=parts, default_size=PAGE)
    token = listing.headers.get("Elements-Next-Page-Token", "")
    older = request.GET.copy()
    older["nextPage"] = token
    newest = request.GET.copy()
    newest.pop("nextPage", None)
    return {
        "rows": with_states(listing.rows, deliveries),
        "titles": titles_of(listing.rows, elements_of(reach)),
        "checks": [] if listing.rows else next_checks(reach.rows(ElementInstance)),
        "total": listing.headers.get("Elements-Total-Count"),
        "types": sorted({event.object_type for event in listing.rows}),
        "older": older.urlencode() if token else "",
        "newest": newest.urlencode() if "nextPage" in request.GET else None,
    }


def with_states(
    events: Sequence[Event], deliveries: QuerySet[Delivery]
) -> list[tuple[Event, EventProgress]]:
    """Return each event with how far it has come, by one query for all of them."""
    by_event: dict[int, list[Delivery]] = {event.pk: [] for event in events}
    for one in deliveries.filter(event__in=by_event).select_related("subscription").only(*READ):
        by_event[one.event_id].append(one)
    return [(event, progress_of(event, by_event[event.pk])) for event in events]
