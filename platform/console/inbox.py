"""The pages of the built-in inbox: what arrived, newest first, and one delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from console import fragment
from console.fragment import Fragment
from console.instance.next_check import NextCheck, next_checks
from console.members import account_of, for_members
from console.paging import number
from console.payload import body_text
from events.models import Event
from events.subscription import origin_of
from inbox.addresses import inbox_url
from inbox.keep import KEPT_FOR, MOST_KEPT, kept_of
from inbox.models import InboxDelivery
from instances.models import ElementInstance

PAGE = 50  # deliveries


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery as the list shows it, with what it is of where that is within reach."""

    delivery: InboxDelivery
    event: Event | None
    instance: ElementInstance | None


@require_safe
@for_members
def inbox(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    url = inbox_url(account_of(user))
    listed = _listed(request, user, reach)
    context = {
        **listed,
        "url": url,
        "checks": [] if listed["rows"] else _delivering(reach, url),
        "most": f"{MOST_KEPT:,}",
        "days": KEPT_FOR.days,
    }
    part = Fragment.of(request, "console/inbox_list.html", context)
    if fragment.is_wanted(request):
        return part.answer(request)
    return render(request, "console/inbox.html", {**context, "list": part})


@require_safe
@for_members
def delivery(request: HttpRequest, user: User, reach: Reach, delivery_id: int) -> HttpResponse:
    kept = kept_of(account_of(user), timezone.now())
    found = kept.filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    [row] = _rows(reach, [found])
    beside = kept.filter(number__in=[found.number - 1, found.number + 1])
    neighbours = dict(beside.values_list("number", "pk"))
    context = {
        "row": row,
        "delivery": found,
        "body": body_text(bytes(found.body)),
        "cut": found.size > len(found.body),
        "newer": neighbours.get(found.number + 1),
        "older": neighbours.get(found.number - 1),
    }
    return render(request, "console/inbox_delivery.html", context)


def _listed(request: HttpRequest, user: User, reach: Reach) -> dict[str, Any]:
    kept = kept_of(account_of(user), timezone.now()).defer("body", "headers")
    below = number(request.GET.get("below", ""))
    found = list((kept.filter(number__lt=below) if below else kept)[: PAGE + 1])
    shown = found[:PAGE]
    return {
        "rows": _rows(reach, shown),
        "first_page": not below,
        "below": shown[-1].number if len(found) > PAGE else None,
    }


def _delivering(reach: Reach, url: str) -> list[NextCheck]:
    """The instances whose events are sent to the inbox."""
    if not url:
        return []
    own = reach.rows(ElementInstance)
    return next_checks(own.filter(subscription__origin=origin_of(url), subscription__url=url))


def _rows(reach: Reach, found: Sequence[InboxDelivery]) -> list[Row]:
    """With their events and instances: two queries, however many there are."""
    events = reach.rows(Event).filter(pk__in=[one.event_id for one in found if one.event_id])
    instances = reach.rows(ElementInstance).filter(
        pk__in=[one.instance_id for one in found if one.instance_id]
    )
    of_events = events.defer("body").in_bulk()
    of_instances = instances.only("id", "name", "element_key").in_bulk()
    return [
        Row(one, of_events.get(one.event_id or 0), of_instances.get(one.instance_id or 0))
        for one in found
    ]
