"""The form for an instance, and the body of POST /instances that it stands for.

The body is the truth: what is posted is made into one at once, and a form is always shown of one.
What is wrong with it, the API's own checks say; here a message is only put at its field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from api.errors import BadRequest
from api.parsers import DEEPEST, parse_json
from console.controls import IN_CONFIGURATION, TAGS, Control, Controls, Kind
from elements.types import Element, Resource
from instances import configuration as keys

BODY = "body"  # the field that holds the whole body, where the page's script writes it
POLL = "poll"  # the resources that are ticked
ENTRY = "entry:"  # with a resource's name: its entry of event.poller.configuration
POLLER_PATH = IN_CONFIGURATION + keys.POLLER_CONFIGURATION
MISSING = "Missing: "


# --- From the form to the body -----------------------------------------------------------------


def body_posted(element: Element, controls: Controls, data: QueryDict) -> dict[str, Any]:
    """The body that was written whole, or else the one that the fields stand for.

    Raises BadRequest where it holds what is no JSON, or no text.
    """
    if not data.get(BODY, "").strip():
        return checked(body_of(element, controls, data))
    body = parse_json(str(data[BODY]).encode("utf-8", "surrogatepass"), "the JSON")
    if not isinstance(body, dict):
        raise BadRequest("the JSON must be an object: what POST /instances takes")
    return body


def body_of(element: Element, controls: Controls, data: QueryDict) -> dict[str, Any]:
    """The body that the fields stand for; the page's script has the same rules."""
    configuration: dict[str, Any] = {}
    body: dict[str, Any] = {"name": "", "element": {"key": element.key}}
    for control in controls:
        value = _said(control, data)
        if value is None:
            continue
        if control.path.startswith(IN_CONFIGURATION):
            configuration[control.key] = value
        else:
            body[control.path] = value
    if _are_polled(controls, configuration):
        configuration[keys.POLLER_CONFIGURATION] = _entries(element, data)
    return {**body, "configuration": configuration}


def checked(body: dict[str, Any]) -> dict[str, Any]:
    """The body, unless it holds what no JSON may. Raises BadRequest."""
    parse_json(json.dumps(body).encode(), "the form")
    return body


def body_refused(element: Element, controls: Controls, data: QueryDict) -> dict[str, Any]:
    """What was posted, to be shown again after `body_posted` has refused it: as it was typed, but
    for what cannot be stored."""
    try:
        body = json.loads(data.get(BODY, ""))
    except (ValueError, RecursionError):
        body = None
    return dict(_storable(body if isinstance(body, dict) else body_of(element, controls, data)))


def _storable(value: Any, depth: int = 0) -> Any:
    if depth > DEEPEST:
        return None
    if isinstance(value, dict):
        return {_storable(key): _storable(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [_storable(one, depth + 1) for one in value]
    if isinstance(value, str):
        return value.replace("\0", "?").encode("utf-8", "replace").decode()
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def _said(control: Control, data: QueryDict) -> Any:
    """What the body says at the control's place; None where it says nothing."""
    if control.kind is Kind.FLAG:
        said = control.path in data
        return said if control.always or said != (control.default == "true") else None
    text = data.get(control.path, control.default if control.fixed else "").replace("\r\n", "\n")
    text = text if control.kind in (Kind.SECRET, Kind.LINES) else text.strip()
    if control.kind is Kind.TAGS:
        return [line.strip() for line in text.split("\n") if line.strip()] or None
    if not text or (text == control.default and not control.always):
        return None
    if control.kind is Kind.NUMBER and text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    return text


def _are_polled(controls: Controls, configuration: Mapping[str, Any]) -> bool:
    """Whether the body says what is polled: events are on, and not told by the provider."""
    return (
        configuration.get(controls.events.key) is True
        and configuration.get(keys.VENDOR_TYPE, "polling") == "polling"
    )


def _entries(element: Element, data: QueryDict) -> dict[str, Any]:
    ticked = data.getlist(POLL)
    found = {}
    for resource in element.resources:
        if resource.can_be_polled and resource.name in ticked:
            text = data.get(ENTRY + resource.name, "")
            try:
                found[resource.name] = json.loads(text)
            except (ValueError, RecursionError):
                found[resource.name] = text  # which the checks refuse, and the form shows again
    return found


# --- Secrets of an earlier try -----------------------------------------------------------------


def masked(element: Element, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without the secrets in it. The API key, a public client id, is shown."""
    configuration = _configuration(body)
    hidden = {
        key: keys.MASK
        for key, value in configuration.items()
        if value and key != keys.API_KEY and keys.is_secret(element, key)
    }
    return {**body, "configuration": {**configuration, **hidden}}


def with_kept_secrets(body: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the earlier try's secrets where it has their masks."""
    before = _configuration(kept)
    configuration = {
        key: before.get(key, value) if value == keys.MASK else value
        for key, value in _configuration(body).items()
    }
    return {**body, "configuration": configuration} if configuration else body


def _configuration(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found = body.get("configuration")
    return found if isinstance(found, dict) else {}


# --- From the body to the form -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and at which control; `path` is empty where it is at none."""

    message: str
    path: str = ""
    label: str = ""

    @property
    def anchor(self) -> str:
        return _id_of(self.path)


@dataclass(frozen=True, slots=True)
class Shown:
    """A control as the page shows it."""

    control: Control
    value: str
    faults: Sequence[str] = ()

    @property
    def id(self) -> str:
        return _id_of(self.control.path)

    @property
    def checked(self) -> bool:
        return self.value == "true"

    @property
    def lines(self) -> int:
        return min(8, max(2, self.value.count("\n") + 1))


@dataclass(frozen=True, slots=True)
class Polled:
    """A resource that can be polled, as the page shows it. `entry` is JSON."""

    resource: Resource
    ticked: bool
    entry: str
    usual: bool  # whether it is polled where the body says nothing
    usual_entry: str
    faults: Sequence[str] = ()

    @property
    def id(self) -> str:
        return _id_of(f"{ENTRY}{self.resource.name}")

    @property
    def kinds(self) -> str:
        return ", ".join(kind.value.lower() for kind in self.resource.told)


@dataclass(frozen=True, slots=True)
class Form:
    """All that the page needs: the controls with what the body says, and what is wrong with it."""

    element: Element
    controls: Controls
    body: Mapping[str, Any]
    faults: Sequence[Fault] = field(default=())

    @property
    def json(self) -> str:
        return json.dumps(self.body, indent=2, ensure_ascii=False)

    @property
    def name(self) -> Shown:
        return self._shown(self.controls.name)

    @property
    def tags(self) -> Shown:
        return self._shown(self.controls.tags)

    @property
    def account(self) -> list[Shown]:
        return [self._shown(one) for one in self.controls.account]

    @property
    def optional(self) -> list[Shown]:
        return [self._shown(one) for one in self.controls.optional]

    @property
    def events(self) -> Shown:
        return self._shown(self.controls.events)

    @property
    def vendor_type(self) -> Shown | None:
        return self._shown(self.controls.vendor_type) if self.controls.vendor_type else None

    @property
    def webhook_secret(self) -> Shown | None:
        return self._shown(self.controls.webhook_secret) if self.controls.webhook_secret else None

    @property
    def callback(self) -> Shown:
        return self._shown(self.controls.callback)

    @property
    def signature_key(self) -> Shown:
        return self._shown(self.controls.signature_key)

    @property
    def interval(self) -> Shown:
        return self._shown(self.controls.interval)

    @property
    def further(self) -> list[Shown]:
        return [self._shown(one) for one in self.controls.further]

    @property
    def optional_is_open(self) -> bool:
        return any(one.faults for one in self.optional)

    @property
    def further_is_open(self) -> bool:
        return any(one.faults for one in self.further)

    @property
    def polled(self) -> list[Polled]:
        """Those that are ticked first."""
        usual = self.element.default_poller
        said = entries_said(self.element, self.body)
        found = [
            self._polled(one, usual if said is None else said, usual)
            for one in self.element.resources
            if one.can_be_polled
        ]
        return sorted(found, key=lambda one: not (one.ticked or one.usual))

    def _polled(
        self, resource: Resource, entries: Mapping[str, Any], usual: Mapping[str, Any]
    ) -> Polled:
        name = resource.name
        own = usual_entry(self.element, resource)
        faults = [one.message for one in self.faults if one.path == ENTRY + name]
        return Polled(
            resource,
            ticked=name in entries,
            entry=_entry_text(entries.get(name, own)),
            usual=name in usual,
            usual_entry=_entry_text(own),
            faults=faults,
        )

    def _shown(self, control: Control) -> Shown:
        faults = [one.message for one in self.faults if one.path == control.path]
        return Shown(control, value_of(control, self.body), faults)


def value_of(control: Control, body: Mapping[str, Any]) -> str:
    """What the control shows of the body."""
    in_configuration = control.path.startswith(IN_CONFIGURATION)
    place = _configuration(body) if in_configuration else body
    said = place.get(control.key)
    if said is None or said == "":
        return control.default
    if control.path == TAGS.path:
        return "\n".join(map(str, said)) if isinstance(said, list) else str(said)
    if control.kind is Kind.FLAG:
        return "true" if str(said).strip().lower() == "true" else "false"
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def entries_said(element: Element, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The entries of event.poller.configuration by the resources' own names; None where the body
    says nothing of them, or nothing that can be read."""
    said = _configuration(body).get(keys.POLLER_CONFIGURATION)
    if said is None or said == "":
        return None
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return None
    if not isinstance(said, dict):
        return None
    named = ((element.resource(str(key)), entry) for key, entry in said.items())
    return {resource.name: entry for resource, entry in named if resource is not None}


def usual_entry(element: Element, resource: Resource) -> Mapping[str, Any]:
    """The entry of a resource where nobody has said another one."""
    own = {"url": f"/hubs/{element.hub}/{resource.name}", "idField": resource.id_field}
    return element.default_poller.get(resource.name) or own


def _entry_text(entry: Any) -> str:
    return entry if isinstance(entry, str) else json.dumps(entry, indent=2, ensure_ascii=False)


def _id_of(path: str) -> str:
    """An id that CSS can name, too."""
    return "in-" + "".join(one if one.isalnum() else "-" for one in path)


# --- Messages at their fields ------------------------------------------------------------------


def faults_of(message: str, element: Element, controls: Controls) -> list[Fault]:
    """An API's message, at the controls that it names."""
    if not message.startswith(MISSING):
        return [_fault(message, element, controls)]
    paths = message.removeprefix(MISSING).split(", ")
    return [_fault(f"{path} is missing", element, controls) for path in paths]


def _fault(message: str, element: Element, controls: Controls) -> Fault:
    for control in controls:
        for named in (control.path, control.key):
            if message.startswith((f"{named}:", f"{named} ", f"{named}[")):
                return Fault(message, control.path, control.label)
    for resource in element.resources:
        start = f"{keys.POLLER_CONFIGURATION}.{resource.name}"
        if message.startswith((f"{start}:", f"{start}.")):
            return Fault(message, ENTRY + resource.name, resource.name)
    if message.startswith(keys.POLLER_CONFIGURATION):
        return Fault(message, POLLER_PATH, "Resources to poll")
    return Fault(message)


def blank(element: Element, names: Iterator[str] | Sequence[str] = ()) -> dict[str, Any]:
    """The body that a form begins with; its name is none of the `names`. Events are on where the
    element says itself what of them there is."""
    taken, number, name = set(names), 1, element.name
    while name in taken:
        number += 1
        name = f"{element.name} {number}"
    return {
        "name": name,
        "element": {"key": element.key},
        "configuration": {
            keys.EVENTS_ENABLED: bool(element.default_poller) or element.webhook is not None
        },
    }
