"""The list of events, newest first, by type, status, instance and time."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request

from accounts.reach import Reach
from api.errors import BadRequest
from api.paging import latest_page_of
from console.instance.named import named
from events.listing import filtered
from events.models import Event, EventStatus

PAGE = 50  # events
# What people read for the words of the API.
STATUSES = {
    EventStatus.NEW: "recorded",
    EventStatus.DISPATCHED: "on its way",
    EventStatus.NOTIFIED: "delivered",
}


def page(request: HttpRequest, reach: Reach) -> HttpResponse:
    asked = {name: str(value).replace("\0", "").strip() for name, value in request.GET.items()}
    context: dict[str, Any] = {
        "filters": {"instance": asked.get("account", ""), **asked, "from_": asked.get("from", "")},
        "statuses": [(value.value, word) for value, word in STATUSES.items()],
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
    listing = latest_page_of(
        Request(request),
        filtered(asked, events).defer("body").select_related("instance"),
        default_size=PAGE,
    )
    token = listing.headers.get("Elements-Next-Page-Token", "")
    older = request.GET.copy()
    older["nextPage"] = token
    newest = request.GET.copy()
    newest.pop("nextPage", None)
    return {
        "events": listing.rows,
        "total": listing.headers.get("Elements-Total-Count"),
        "types": sorted({event.object_type for event in listing.rows}),
        "older": older.urlencode() if token else "",
        "newest": newest.urlencode() if "nextPage" in request.GET else None,
    }
