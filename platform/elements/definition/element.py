"""Reads a whole definition."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from elements import built_in, poller, poller_urls, standard
from elements.definition import (
    addresses,
    authentication,
    configuration,
    guide,
    quota,
    resources,
    webhook,
)
from elements.definition.change_cursor import require_readable
from elements.definition.known_fields import require_known
from elements.definition.reading import Part
from elements.errors import ConfigurationError
from elements.types import Authentication, ConfigurationField, Element, OAuth2, Resource, Setting
from transport.types import Quota

KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
KEY_FORM = "lower-case letters, digits, - and _, not digits alone"
# What stands in the place of a key in paths of the API.
RESERVED_KEYS = frozenset({"keys", "metadata", "docs", "instances", "oauthproxies"})
LONGEST_NAME = 200  # characters
MAX_LIMIT_CODES = 100
HOOKS = resources.HOOKS
TRANSFORMATIONS = "are not supported: records are as the provider gives them"


def key_of(definition: object) -> str:
    """The key that the definition wants: its own, or the name's letters and digits.

    Raises ConfigurationError.
    """
    whole = Part.of(definition)
    name = whole.text("name", required=True, longest=LONGEST_NAME)
    key = whole.text("key", longest=100)
    if not key:
        key = re.sub(r"[^a-z0-9]", "", name.lower())[:100]
        if not key or key.isdigit() or key in RESERVED_KEYS:
            whole.refuse("key", f"is missing, and cannot be made from the name: {KEY_FORM}")
    if KEY.fullmatch(key) is None or key.isdigit():
        whole.refuse("key", f"must have {KEY_FORM}")
    if key in RESERVED_KEYS:
        whole.refuse("key", f"must not be {key}: that is an address of the API itself")
    return key


def element(
    definition: object,
    *,
    id: int,  # noqa: A002 - the element's own name of it
    key: str,
    active: bool,
    organization_id: int | None,
) -> Element:
    """The element that a definition describes. Raises ConfigurationError naming the path."""
    whole = Part.of(definition)
    require_known(whole.value)
    _refuse_code(whole)
    base = _base(whole)
    counted = quota.quota(whole.part("quota"), element_id=id, base=base)
    read = _own(whole, counted) if base is None else _extending(whole, base, counted)
    read = replace(
        read,
        id=id,
        key=key,
        name=whole.text("name", required=True, longest=LONGEST_NAME),
        image=whole.text("image", longest=2_000),
        active=active,
        organization_id=organization_id,
        guide=guide.guide(whole.part("guide")) or read.guide,
        quota=counted,
        limit_codes=frozenset(whole.texts("limitCodes", most=MAX_LIMIT_CODES, longest=100))
        or read.limit_codes,
    )
    read = _with_webhook(whole, _with_poller_urls(read))
    return replace(read, default_poller=_default_poller(read, base))


def _refuse_code(whole: Part) -> None:
    whole.nothing("hooks", HOOKS)
    whole.nothing("defaultTransformations", TRANSFORMATIONS)
    if whole.text("protocolType", default="http").lower() not in {"", "http"}:
        whole.refuse("protocolType", "must be http")


def _base(whole: Part) -> Element | None:
    key = whole.text("extends", longest=100)
    if not key:
        return None
    found = built_in.elements().get(key)
    if found is None:
        names = ", ".join(built_in.elements())
        whole.refuse("extends", f"must be the key of an element that everybody has: {names}")
    return found


def _own(whole: Part, counted: Quota | None) -> Element:
    """An element that says everything itself."""
    fields = configuration.fields(whole.parts("configuration", most=configuration.MOST_FIELDS))
    kind = authentication.kind_of(_authentication_part(whole))
    fields = _completed(fields, kind)
    base_url = authentication.configured_address(fields, standard.BASE_URL)
    if base_url is None:
        fields[standard.BASE_URL] = replace(fields[standard.BASE_URL], required=True)
    return Element(
        id=0,
        key="",
        name="",
        hub=_hub(whole, "general"),
        description=whole.description(),
        base_url=base_url or Setting("", ""),
        authentication=authentication.authentication(_authentication_part(whole), fields),
        resources=_resources(whole, fields, (), counted),
        configuration=tuple(fields.values()),
    )


def _extending(whole: Part, base: Element, counted: Quota | None) -> Element:
    """An element that takes from `base` what it doesn't say itself."""
    if whole.part("authentication").value:
        kind = authentication.kind_of(_authentication_part(whole))
        if kind is not type(base.authentication):
            whole.refuse("authentication.type", f"must be that of {base.key}, which is extended")
    fields = _overridden(
        base, configuration.fields(whole.parts("configuration", most=configuration.MOST_FIELDS))
    )
    return replace(
        base,
        hub=_hub(whole, base.hub),
        description=whole.description() or base.description,
        base_url=_own_address(fields, standard.BASE_URL) or base.base_url,
        authentication=_overridden_authentication(base.authentication, fields),
        resources=_resources(whole, fields, base.resources, counted),
        configuration=tuple(fields.values()),
        extends=base.key,
    )


def _authentication_part(whole: Part) -> Part:
    part = whole.part("authentication")
    if not part.value:
        types = ", ".join(authentication.TYPES)
        whole.refuse("authentication", f"is missing: its type must be one of {types}")
    return part


def _hub(whole: Part, default: str) -> str:
    return (
        whole.text(
            "hub",
            longest=100,
            form=addresses.SEGMENT,
            right="letters, digits and the characters . _ ~ -",
        )
        or default
    )


# --- Configuration -------------------------------------------------------------------------------


def _completed(
    fields: Mapping[str, ConfigurationField], kind: type[Authentication]
) -> dict[str, ConfigurationField]:
    """With what every element has. What is secret there is secret however it is written."""
    completed = dict(fields)
    base_url = ConfigurationField(standard.BASE_URL, "Base URL", hidden=True)
    for usual in (base_url, *standard.STANDARD[kind]):
        held = completed.get(usual.key)
        if held is None:
            completed[usual.key] = usual
        elif usual.secret and not held.secret:
            completed[usual.key] = replace(held, type=usual.type)
    return completed


def _overridden(
    base: Element, own: Mapping[str, ConfigurationField]
) -> dict[str, ConfigurationField]:
    fields = {one.key: one for one in base.configuration}
    for key, entry in own.items():
        held = fields.get(key)
        if held is None:
            fields[key] = entry
            continue
        if held.secret and not entry.secret:
            entry = replace(entry, type=held.type)
        if held.choices and not entry.choices:
            entry = replace(entry, choices=held.choices)
        entry = replace(entry, pattern=held.pattern, right=held.right)  # JSON has no words for them
        if held.setting is not None and entry.default in (
            None,
            "",
            built_in.address(held.setting),
        ):
            entry = replace(entry, default=None, setting=held.setting)
        place = [*fields].index(key) + 1
        if held.display_order is None and entry.display_order == place:
            entry = replace(entry, display_order=None)
        fields[key] = entry
    return fields


def _own_address(
    fields: Mapping[str, ConfigurationField], key: str, *, secret: bool = False
) -> Setting | None:
    """The entry's own address; None where it is inherited."""
    field = fields.get(key)
    if field is None or field.setting is not None:
        return None
    return authentication.configured_address(fields, key, secret=secret)


def _overridden_authentication(
    inherited: Authentication, fields: Mapping[str, ConfigurationField]
) -> Authentication:
    if not isinstance(inherited, OAuth2):
        return inherited
    return replace(
        inherited,
        authorization_url=_own_address(fields, standard.AUTHORIZATION_URL)
        or inherited.authorization_url,
        token_url=_own_address(fields, standard.TOKEN_URL, secret=True) or inherited.token_url,
        revoke_url=_own_address(fields, standard.REVOKE_URL, secret=True) or inherited.revoke_url,
        refresh_url=_own_address(fields, standard.REFRESH_URL, secret=True)
        or inherited.refresh_url,
        scopes=authentication.scopes(fields) or inherited.scopes,
    )


def _with_poller_urls(read: Element) -> Element:
    """With the entries that a default of event.poller.urls stands for, where there are none."""
    defaults = {field.key: (field.default or "").strip() for field in read.configuration}
    urls = defaults.get(poller_urls.PATH, "")
    if not urls or defaults.get(standard.POLLER):
        return read
    try:
        text = json.dumps(poller_urls.translated(urls, read), ensure_ascii=False)
    except ConfigurationError as error:
        raise ConfigurationError(f"configuration.{error.path}", error.message) from None
    return replace(
        read,
        configuration=tuple(
            replace(field, default=text) if field.key == standard.POLLER else field
            for field in read.configuration
        ),
    )


def _with_webhook(whole: Part, read: Element) -> Element:
    """With the webhook that the definition declares; without one, what is inherited.

    A watch asks for what the inherited one reads.
    """
    declared = webhook.webhook(whole.part("webhook"))
    if declared is None:
        return read
    fields = webhook.with_webhook({one.key: one for one in read.configuration}, declared)
    return replace(read, webhook=declared, watch=None, configuration=tuple(fields.values()))


# --- Resources -----------------------------------------------------------------------------------


def _resources(
    whole: Part,
    fields: Mapping[str, ConfigurationField],
    inherited: tuple[Resource, ...],
    counted: Quota | None,
) -> tuple[Resource, ...]:
    defaults = resources.Defaults.of(
        {key: field.default for key, field in fields.items() if field.default is not None}
    )
    costs = quota.costs_of(counted)
    everywhere = whole.parts("parameters", most=resources.MOST_PARAMETERS)
    resources.require_few(whole, len(everywhere))
    known = {
        (operation.method, operation.path)
        for resource in inherited
        for operation in resource.operations
    }
    written: list[resources.Written] = []
    for part in _own_parts(whole, "resources", resources.MOST_RESOURCES, known):
        one = resources.operation(part, everywhere, defaults, costs)
        if any(resources.same_place(one.operation, other.operation) for other in written):
            part.refuse("path", f"{one.operation.method} {one.operation.path} is given twice")
        written.append(one)
    names = {resource.name for resource in inherited}
    objects = list(_own_parts(whole, "objects", resources.MOST_OBJECTS, names))
    found = resources.grouped(written, objects, inherited)
    require_readable(whole, found)
    return found


def _own_parts(whole: Part, name: str, most: int, known: set[Any]) -> Iterator[Part]:
    """The entries that are not inherited; those that are must be `known`."""
    for part in whole.parts(name, most=most):
        if not resources.is_inherited(part):
            yield part
        elif resources.place_of(part, name) not in known:
            part.refuse("kind", "is inherited, but no extended element has this")


# --- Polling -------------------------------------------------------------------------------------


def _default_poller(read: Element, base: Element | None) -> Mapping[str, Mapping[str, Any]]:
    """The default of the entry event.poller.configuration. Raises ConfigurationError."""
    field = next((one for one in read.configuration if one.key == standard.POLLER), None)
    text = (field.default or "").strip() if field is not None else ""
    if not text:
        return base.default_poller if base is not None else {}
    if base is not None and field in base.configuration:
        return base.default_poller
    try:
        poller.parse(text, read)
    except ConfigurationError as error:
        raise ConfigurationError(authentication.where(error.path), error.message) from None
    parsed: dict[str, dict[str, Any]] = json.loads(text)
    return parsed
