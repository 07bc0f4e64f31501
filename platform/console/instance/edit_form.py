"""The form that changes an instance, and the body of PATCH /instances/{id} that it stands for.

Rule 1: only what a person has changed is asked for, so that somebody else's change meanwhile
stands.
Rule 2: no secret is in it. One that is left empty stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from api.errors import BadRequest
from api.parsers import parse_json
from console.controls import Control, Kind, controls_of
from console.forms import usual_entry
from elements import poller
from elements.errors import ConfigurationError
from elements.types import Element
from instances import configuration as keys
from instances import lost_secrets
from instances.models import ElementInstance

LONGEST_ENTRY = 20_000  # characters
OWN_FIELDS = ("enabled", "refreshInterval")  # of an entry, that are fields of the form
STAYS = "It is not shown. Left empty, it stays as it is."
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
    entry: str  # all else of its entry, as JSON
    usual: Mapping[str, Any]  # what that is where nobody has said another one

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
        values = keys.without_secrets(instance)
        self.unopened = not keys.are_open(instance)  # then secrets are given all together or not
        self._entries: dict[str, Any] = _entries(values)
        self.resources = list(_resources(self._element, self._entries))
        controls = controls_of(self._element, "")
        self._account = [one for one in controls.account if not one.fixed]
        self._optional = controls.optional
        self._further = controls.further
        kwargs["label_suffix"] = ""
        kwargs["initial"] = {
            "name": instance.name,
            "tags": ", ".join(instance.tags),
            "callback_url": values.get(keys.EVENTS_CALLBACK_URL, ""),
            "interval": str(instance.refresh_interval),
        }
        super().__init__(*args, **kwargs)
        for control in self._settings:
            self.fields[control.path] = _field(control, values, self._is_secret(control))
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
            self.fields[f"{one.id}-entry"] = Text(
                label=f"Settings of {one.name}, as JSON",
                required=False,
                max_length=LONGEST_ENTRY,
                initial=one.entry,
                widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
            )

    @property
    def _settings(self) -> Sequence[Control]:
        return (*self._account, *self._optional, *self._further)

    def _is_secret(self, control: Control) -> bool:
        return control.kind is Kind.SECRET or keys.is_secret(self._element, control.key)

    def account(self) -> list[forms.BoundField]:
        return [self[one.path] for one in self._account]

    def optional(self) -> list[forms.BoundField]:
        return [self[one.path] for one in self._optional]

    def further(self) -> list[forms.BoundField]:
        return [self[one.path] for one in self._further]

    @property
    def optional_is_open(self) -> bool:
        return any(field.errors for field in self.optional())

    @property
    def further_is_open(self) -> bool:
        return any(field.errors for field in self.further())

    def own_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "tags", "callback_url", "interval")]

    def polled(
        self,
    ) -> Iterator[tuple[Polled, forms.BoundField, forms.BoundField, forms.BoundField]]:
        for one in self.resources:
            yield one, self[f"{one.id}-on"], self[f"{one.id}-minutes"], self[f"{one.id}-entry"]

    def clean(self) -> dict[str, Any]:
        """Reads the entries. Left empty, one is as the element has it."""
        for one in self.resources:
            name = f"{one.id}-entry"
            try:
                entry = parse_json((self.cleaned_data.get(name) or "{}").encode(), "it")
            except BadRequest as error:
                self.add_error(name, str(error))
                continue
            if not isinstance(entry, dict):
                self.add_error(name, 'it must be an object, such as {"url": "…", "idField": "id"}')
            self.cleaned_data[name] = entry
        return self.cleaned_data

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
        for control in self._settings:
            if control.path in changed:
                said = data[control.path]
                configuration[control.key] = (
                    None if said == "" else said
                )  # then as the element has it
        if any(name.startswith("poll-") for name in changed):
            polled = self._polled_then(data)
            if polled != self._entries:
                configuration[keys.POLLER_CONFIGURATION] = json.dumps(polled)
        if self.unopened and any(keys.is_secret(self._element, key) for key in configuration):
            configuration = {**dict.fromkeys(lost_secrets.possible(self._element)), **configuration}
        if configuration:
            body["configuration"] = configuration
        return body

    def _polled_then(self, data: Mapping[str, Any]) -> dict[str, Any]:
        entries = {
            key: dict(entry)
            for key, entry in self._entries.items()
            if _is_polled(self._element, key, entry)  # else the element has it no more
        }
        for one in self.resources:
            on, minutes = data[f"{one.id}-on"], data[f"{one.id}-minutes"].strip()
            entry = data[f"{one.id}-entry"] if f"{one.id}-entry" in self.changed_data else None
            if (on, minutes, entry) == (one.on, one.minutes, None) or (one.key is None and not on):
                continue
            key = one.key or one.name
            own = json.loads(one.entry) if entry is None else entry or one.usual
            entries[key] = {**own, "enabled": on}
            if minutes:
                entries[key]["refreshInterval"] = minutes
        return entries

    def show_fault(self, message: str) -> None:
        """Puts an error of the API at the field that it names, or above the form."""
        for one in self.resources:
            start = f"{poller.PATH}.{(one.key or one.name).strip().lstrip('/')}"
            if message.startswith((f"{start}:", f"{start}.")):
                part = "minutes" if message.startswith(f"{start}.refreshInterval") else "entry"
                self.add_error(f"{one.id}-{part}", message)
                return
        settings = {control.key: control.path for control in self._settings}
        for key, name in {**settings, **FIELDS}.items():
            if message.startswith((f"{key}:", f"configuration.{key}:", f"{key} ", f"{key}[")):
                self.add_error(name, message)
                return
        self.add_error(None, message)


def _entries(values: Mapping[str, str]) -> dict[str, Any]:
    """event.poller.configuration as it was written."""
    text = values.get(keys.POLLER_CONFIGURATION, "").strip()
    return dict(json.loads(text)) if text else {}


def _is_polled(element: Element, key: str, entry: Any) -> bool:
    url = entry.get("url") if isinstance(entry, dict) else None
    return poller.polled_by(element, key, url if isinstance(url, str) else "") is not None


def _resources(element: Element, entries: Mapping[str, Any]) -> Iterator[Polled]:
    """What is configured, as it was written, then what could be polled too."""
    configured = set()
    for key, entry in entries.items():
        try:
            [read] = poller.parse({key: entry}, element).values()
        except ConfigurationError:
            continue  # the element has changed, and polls it no more
        resource = poller.polled_by(element, key, read.url)
        assert resource is not None  # noqa: S101 - it was parsed
        configured.add(read.name)
        minutes = str(read.options.get("refreshInterval", ""))
        rest = {field: value for field, value in entry.items() if field not in OWN_FIELDS}
        on = read.options.get("enabled", True)
        usual = usual_entry(element, resource)
        yield Polled(read.name, key, on, minutes, _text(rest), usual)
    for resource in element.resources:
        if resource.can_be_polled and resource.name not in configured:
            usual = usual_entry(element, resource)
            yield Polled(resource.name, None, False, "", _text(usual), usual)


def _text(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, indent=2, ensure_ascii=False)


def _field(control: Control, values: Mapping[str, str], secret: bool) -> forms.Field:
    """What the field of a key of the configuration shows, and takes."""
    value = values.get(control.key, control.default)
    if control.kind is Kind.FLAG:
        return forms.BooleanField(
            label=control.label,
            required=False,
            initial=value.strip().lower() == "true",
            help_text=control.help,
        )
    return Text(
        label=control.label,
        required=control.required and not secret,
        max_length=control.longest,
        strip=not secret and control.kind is not Kind.LINES,
        initial="" if secret else value,
        help_text=f"{control.help.rstrip('.')}. {STAYS}".removeprefix(". ")
        if secret
        else control.help,
        widget=_widget(control, value),
    )


class Text(forms.CharField):
    """Lines end as they are stored, not as browsers send them."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


def _widget(control: Control, value: str) -> forms.Widget:
    if control.kind is Kind.SECRET:
        return forms.PasswordInput(attrs={"autocomplete": "new-password"})
    if control.kind is Kind.LINES:
        return forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})
    if control.choices:
        offered = dict.fromkeys(
            (value, *control.choices) if value or not control.default else control.choices
        )
        return forms.Select(choices=[(one, one) for one in offered])
    return forms.TextInput(attrs={"autocomplete": "off"})
