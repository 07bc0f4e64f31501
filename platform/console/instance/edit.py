"""Changing an instance: what PATCH /instances/{id} would change, as a form.

Only what a person has changed is asked for, so that somebody else's change meanwhile stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import Organization, User
from api.errors import NotFound
from console.members import WRONG, for_buttons, for_members, instance_of
from elements import poller
from elements.types import Element
from events import signing_key
from events.models import Subscription
from instances import configuration as keys
from instances import provision, wish
from instances.models import ElementInstance

LONGEST_KEY = 500  # characters of a signature key
OVERLAPS = (("0", "not at all"), ("3600", "an hour"), ("86400", "a day"), ("604800", "a week"))
# Which field a fault of the API is shown at, by how its message begins.
FIELDS = {
    keys.EVENTS_CALLBACK_URL: "callback_url",
    keys.REFRESH_INTERVAL: "interval",
    "name": "name",
    "tags": "tags",
}


@dataclass(frozen=True, slots=True)
class Polled:
    """A resource that can be polled; `key` is its name in event.poller.configuration, if it is
    there."""

    name: str
    key: str | None
    on: bool
    minutes: str  # empty: the instance's interval

    @property
    def id(self) -> str:
        return f"poll-{self.name}"


class Edit(forms.Form):
    name = forms.CharField(max_length=200)
    tags = forms.CharField(
        required=False, max_length=5_000, help_text="Separated by commas.", strip=True
    )
    callback_url = forms.CharField(
        label="Callback URL",
        max_length=keys.LONGEST_URL,
        required=False,
        widget=forms.URLInput,
        help_text="Where events are sent. Without it they are recorded only.",
    )
    interval = forms.CharField(
        label="Look for changes every … minutes",
        max_length=9,
        widget=forms.NumberInput(attrs={"min": 1, "max": keys.LONGEST_INTERVAL}),
    )

    def __init__(self, *args: Any, instance: ElementInstance, **kwargs: Any) -> None:
        self._element = keys.element_of(instance)
        values = keys.effective(instance)
        self._entries: dict[str, Any] = _entries(values)
        self.resources = list(_resources(self._element, values, self._entries))
        kwargs["label_suffix"] = ""
        kwargs["initial"] = {
            "name": instance.name,
            "tags": ", ".join(instance.tags),
            "callback_url": values.get(keys.EVENTS_CALLBACK_URL, ""),
            "interval": str(instance.refresh_interval),
        }
        super().__init__(*args, **kwargs)
        for one in self.resources:
            self.fields[f"{one.id}-on"] = forms.BooleanField(
                label=one.name, required=False, initial=one.on
            )
            self.fields[f"{one.id}-minutes"] = forms.CharField(
                label=f"Minutes between polls of {one.name}",
                required=False,
                max_length=9,
                initial=one.minutes,
                widget=forms.NumberInput(attrs={"min": 1, "placeholder": "as above"}),
            )

    def own_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "tags", "callback_url", "interval")]

    def polled(self) -> Iterator[tuple[Polled, forms.BoundField, forms.BoundField]]:
        for one in self.resources:
            yield one, self[f"{one.id}-on"], self[f"{one.id}-minutes"]

    def body(self) -> dict[str, Any]:
        """The body of PATCH that the valid form stands for."""
        data, changed = self.cleaned_data, set(self.changed_data)
        body: dict[str, Any] = {}
        if "name" in changed:
            body["name"] = data["name"]
        if "tags" in changed:
            body["tags"] = [tag.strip() for tag in data["tags"].split(",") if tag.strip()]
        configuration: dict[str, Any] = {}
        if "callback_url" in changed:
            configuration[keys.EVENTS_CALLBACK_URL] = data["callback_url"]
        if "interval" in changed:
            configuration[keys.REFRESH_INTERVAL] = data["interval"]
        if any(name.startswith("poll-") for name in changed):
            configuration[keys.POLLER_CONFIGURATION] = json.dumps(self._polled_then(data))
        if configuration:
            body["configuration"] = configuration
        return body

    def _polled_then(self, data: Mapping[str, Any]) -> dict[str, Any]:
        entries = json.loads(json.dumps(self._entries))
        for one in self.resources:
            on, minutes = data[f"{one.id}-on"], data[f"{one.id}-minutes"].strip()
            if (on, minutes) == (one.on, one.minutes) or (one.key is None and not on):
                continue
            key = one.key or one.name
            if one.key is None:
                entries[key] = {"url": f"/hubs/{self._element.hub}/{one.name}", "idField": ""}
            entries[key]["enabled"] = on
            entries[key].pop("refreshInterval", None)
            if minutes:
                entries[key]["refreshInterval"] = minutes
        return dict(entries)

    def show_fault(self, message: str) -> None:
        """Puts an error of the API at the field that it names, or above the form."""
        for one in self.resources:
            if message.startswith(f"{poller.PATH}.{one.key or one.name}.refreshInterval"):
                self.add_error(f"{one.id}-minutes", message)
                return
        for key, name in FIELDS.items():
            if message.startswith((f"{key}:", f"configuration.{key}:", f"{key} ", f"{key}[")):
                self.add_error(name, message)
                return
        self.add_error(None, message)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def edit(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    found = instance_of(organization, instance_id)
    if request.method != "POST":
        return _edit_page(request, found, Edit(instance=found))
    form = Edit(request.POST, instance=found)
    if not form.is_valid():
        return _edit_page(request, found, form, status=400)
    try:
        if body := form.body():
            provision.change(organization, instance_id, wish.to_change(body, replace=False))
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        form.show_fault(str(error))
        return _edit_page(request, found, form, status=400)
    messages.success(request, "Saved.")
    return redirect("console:instance", instance_id)


@for_buttons
def renew_signature_key(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    """Gives the instance another key; the old one goes on signing for as long as is asked."""
    found = instance_of(organization, instance_id)
    given = request.POST.get("signature_key", "").strip()
    asked = request.POST.get("overlap", "")
    overlap = asked if asked in dict(OVERLAPS) else str(keys.DEFAULT_OVERLAP)
    if len(given) > LONGEST_KEY or "\0" in given:
        messages.error(request, f"A signature key has at most {LONGEST_KEY} characters.")
        return redirect("console:edit", instance_id)
    key = given or signing_key.new_key()
    try:
        until = signing_key.rotate(
            organization, found.pk, key, timedelta(seconds=int(overlap)), timezone.now()
        )
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        messages.error(request, str(error))
        return redirect("console:edit", instance_id)
    again = instance_of(organization, instance_id)
    return _edit_page(request, again, Edit(instance=again), new_key=key, old_until=until)


@for_buttons
def end_old_keys(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    """The present key alone signs from now on."""
    found = instance_of(organization, instance_id)
    for subscription in Subscription.objects.filter(instance=found).only("pk"):
        signing_key.end_retired(subscription.pk)
    messages.success(request, "The present key alone signs from now on.")
    return redirect("console:edit", instance_id)


def _edit_page(
    request: HttpRequest, found: ElementInstance, form: Edit, status: int = 200, **more: Any
) -> HttpResponse:
    subscription = Subscription.objects.filter(instance=found).first()
    signed = bool(keys.effective(found).get(keys.SIGNATURE_KEY))
    context = {
        "instance": found,
        "form": form,
        "overlaps": OVERLAPS,
        "default_overlap": str(keys.DEFAULT_OVERLAP),
        "signed": signed,
        "old_until": subscription and signing_key.last_end(subscription, timezone.now()),
        **more,
    }
    return render(request, "console/instance/edit.html", context, status=status)


def _entries(values: Mapping[str, str]) -> dict[str, Any]:
    """event.poller.configuration as it was written."""
    text = values.get(keys.POLLER_CONFIGURATION, "").strip()
    return dict(json.loads(text)) if text else {}


def _resources(
    element: Element, values: Mapping[str, str], entries: Mapping[str, Any]
) -> Iterator[Polled]:
    """What is configured, as it was written, then what could be polled too."""
    text = values.get(keys.POLLER_CONFIGURATION, "").strip()
    read = poller.parse(text, element) if text else {}
    for key in entries:
        resource = element.resource(key)
        if resource is None or resource.name not in read:
            continue
        options = read[resource.name].options
        minutes = str(options.get("refreshInterval", ""))
        yield Polled(resource.name, key, options.get("enabled", True), minutes)
    for resource in element.resources:
        if resource.can_be_polled and resource.name not in read:
            yield Polled(resource.name, None, False, "")
