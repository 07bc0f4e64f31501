"""Switches within the list of instances: events, and each polled resource, a click each.

The buttons belong to a form of their own beside the list (templates/administration/switches.html),
so that they need no JavaScript and are no part of the list's form. Their address says where to come
back to. A button's name, `on` or `off`, says what is to be; its value of what: nothing for events,
or a resource's name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from administration.deeds import Refused, switch_events, switch_resource
from instances.models import ElementInstance

LIST = "admin:instances_elementinstance_changelist"
SWITCH = "admin:instances_elementinstance_switch"
BACK = "_changelist_filters"  # as Django's own pages call it

Column = Callable[[ElementInstance], SafeString]


def events_column(request: HttpRequest, acts: bool) -> Column:
    def events(instance: ElementInstance) -> SafeString:
        return _button(request, acts, instance, "", "Events", instance.events_enabled)

    events.short_description = "Events"  # type: ignore[attr-defined]
    return events


def resources_column(request: HttpRequest, acts: bool) -> Column:
    """Reads `polling_resources` of the row, prefetched."""

    def resources(instance: ElementInstance) -> SafeString:
        found = sorted(instance.polling_resources.all(), key=lambda one: one.name)
        lines = [
            (_button(request, acts, instance, one.name, one.name, one.enabled), one.name)
            for one in found
        ]
        if not lines:
            return format_html("{}", "-")
        listed = format_html_join("", '<span class="switch-line">{} {}</span>', lines)
        return format_html('<span class="switches">{}</span>', listed)

    resources.short_description = "Polled resources"  # type: ignore[attr-defined]
    return resources


def _button(
    request: HttpRequest, acts: bool, instance: ElementInstance, value: str, label: str, on: bool
) -> SafeString:
    if not acts:
        return format_html('<span class="switch-state">{}</span>', "on" if on else "off")
    address = reverse(SWITCH, args=[instance.pk])
    return format_html(
        '<button form="switches" formaction="{}" name="{}" value="{}" class="switch" role="switch"'
        ' aria-checked="{}" aria-label="{} of {}" title="{}"><span></span></button>',
        f"{address}?{urlencode({BACK: request.GET.urlencode()})}",
        "off" if on else "on",
        value,
        "true" if on else "false",
        label,
        instance.name,
        f"{label}: {'on, click to switch off' if on else 'off, click to switch on'}",
    )


def switched(page: Any, request: HttpRequest, instance_id: int) -> HttpResponse:
    """The buttons' address."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not page.has_act_permission(request):
        raise PermissionDenied
    on = "on" in request.POST
    if on == ("off" in request.POST):
        return HttpResponseBadRequest("Say what is to be: on or off.")
    instance = get_object_or_404(ElementInstance, pk=instance_id)
    name = request.POST.get("on" if on else "off", "")
    said = f"{name or 'Events'} {'on' if on else 'off'}"
    logged = partial(page.log_change, request, instance, f"{said}.")
    try:
        if name:
            switch_resource(instance.pk, logged, name=name, on=on)
        else:
            switch_events(instance.pk, logged, timezone.now(), on=on)
    except Refused as error:
        messages.error(request, f"{instance}: {error}")
    else:
        messages.success(request, f"{instance}: {said}.")
    back = request.GET.get(BACK, "")
    return HttpResponseRedirect(f"{reverse(LIST)}?{back}" if back else reverse(LIST))
