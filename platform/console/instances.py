"""The pages of instances: all of them, and one with what can be done to it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Organization, User
from api.errors import NotFound
from console.members import WRONG, for_members, instance_of
from events.models import Event
from instances import configuration as keys
from instances import provision, reconnect_link
from instances.models import ElementInstance
from instances.standing import marks_of, problem_of
from polling.representation import polling_of
from polling.usage import units_of

LATEST_EVENTS = 10  # on the page of an instance


@require_GET
@for_members
def instances(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    found = ElementInstance.objects.filter(organization=organization).order_by("name", "pk")
    shown = list(found.select_related("credential")[:500])
    marks = marks_of(shown)
    rows = [(one, problem_of(one, marks)) for one in shown]
    return render(request, "console/instances.html", {"rows": rows})


@require_GET
@for_members
def instance(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    return _instance_page(request, instance_of(organization, instance_id))


def _instance_page(request: HttpRequest, found: ElementInstance, **more: Any) -> HttpResponse:
    context = {
        "instance": found,
        "problem": problem_of(found, marks_of([found])),
        "configuration": keys.masked(found),
        "polling": polling_of(found),
        "units": units_of(found, timezone.now(), with_project=False),
        "events": Event.objects.filter(instance=found)
        .defer("body")
        .order_by("-created_at", "-pk")[:LATEST_EVENTS],
        **more,
    }
    return render(request, "console/instance.html", context)


@require_POST
@for_members
def make_link(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    found = instance_of(organization, instance_id)
    try:
        return _instance_page(request, found, link=reconnect_link.make(found, timezone.now()))
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:instance", instance_id)


@require_POST
@for_members
def switch_events(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    on = "true" if request.POST.get("events") == "on" else "false"
    try:
        provision.change(
            organization, instance_id, provision.Wish(configuration={keys.EVENTS_ENABLED: on})
        )
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:instance", instance_id)


@require_POST
@for_members
def disconnect(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    try:
        provision.delete(organization, instance_id)
    except NotFound as error:
        raise Http404 from error
    messages.success(request, "The account is disconnected.")
    return redirect("console:home")
