"""The pages of events: look one up, its whole chain, why there is none, and sending it again."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from api.errors import NotFound
from console import event_list
from console.event_titles import elements_of, of_record
from console.members import for_buttons, for_members, instance_of
from console.paging import number
from console.payload import json_text
from console.samples import samples_of
from events.models import Delivery, Event
from events.progress import progress_of
from events.redeliver import retry_now, send_again
from explanations import explain
from explanations.chain import chain_shown
from explanations.scope import Scope

LONGEST_ID = 500  # characters


@require_safe
@for_members
def find(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    """Leads to the event that a webhook-id or an event's id names; else tells of an object.

    Where nothing is asked for: all events, newest first.
    """
    asked = request.GET.get("id", "").replace("\0", "").strip()[:LONGEST_ID]
    scope = Scope(reach, _instance_id(request, reach))
    if not asked:
        return event_list.page(request, reach)
    context: dict[str, Any] = {"asked": asked, "instance_id": scope.instance_id}
    event_id = _event_named(scope, asked)
    if event_id is not None and "object" not in request.GET:
        return redirect("console:event", event_id)
    context |= {"found": explain.of_object(scope, asked), "event_id": event_id}
    return render(request, "console/find_event.html", context)


@require_safe
@for_members
def event(request: HttpRequest, user: User, reach: Reach, event_id: int) -> HttpResponse:
    try:
        chain = explain.chain_of_event(Scope(reach), event_id)
    except NotFound as error:
        raise Http404 from error
    shown = chain_shown(chain)
    now = timezone.now()
    for delivery, its in zip(chain.deliveries, shown["deliveries"], strict=True):
        its["shown"] = progress_of(chain.event, [delivery])
        its["samples"] = None if chain.body is None else samples_of(delivery, chain.body, now)
    elements = elements_of(reach)
    for one in shown["objects"]:
        one["title"] = of_record(chain.event, one["record"], elements)
        one["text"] = None if one["record"] is None else json_text(one["record"])
    context = {
        "event": shown,
        "shown": progress_of(chain.event, chain.deliveries),
        "instance": chain.event.instance,
        "payload": None if chain.body is None else json_text(json.loads(chain.body)),
    }
    return render(request, "console/event.html", context)


@require_safe
@for_members
def body(request: HttpRequest, user: User, reach: Reach, event_id: int) -> HttpResponse:
    """The body of an event's notification, to the byte, as a file."""
    found = reach.rows(Event).filter(pk=event_id).values_list("body")
    row = found.first()
    if row is None:
        raise Http404
    answer = HttpResponse(row[0], content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="event-{event_id}.json"'
    return answer


@for_buttons
def replay(request: HttpRequest, user: User, reach: Reach, delivery_id: int) -> HttpResponse:
    found = reach.rows(Delivery).filter(pk=delivery_id)
    delivery = found.first()
    if delivery is None:
        raise Http404
    if retry_now(found, timezone.now()):
        messages.success(request, "The next attempt is made now.")
    elif send_again(found, timezone.now(), arrived=True):
        messages.success(request, "It is sent again, under the same webhook-id.")
    else:
        messages.error(
            request, "It is not sent again: it is on its way already, or has no address to go to."
        )
    return redirect("console:event", delivery.event_id)


def _instance_id(request: HttpRequest, reach: Reach) -> int | None:
    """The account to look at; none for all. Raises Http404 for one that isn't there."""
    named = request.GET.get("account", "").strip()
    if not named:
        return None
    instance_id = number(named)
    if instance_id is None:
        raise Http404
    return instance_of(reach, instance_id).pk


def _event_named(scope: Scope, asked: str) -> int | None:
    """The id of the event that is meant, if one is."""
    try:
        if (event_id := number(asked)) is not None:
            return explain.chain_of_event(scope, event_id).event.pk
        return explain.chain_of_webhook(scope, asked).event.pk
    except NotFound:
        return None
