"""Keeps the secrets of an instance from being sent to others than those they were given for.

Whoever may change an instance can't read its secrets. They must not get them by having them sent
to an address of their own either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

from api.errors import BadRequest
from elements import catalogue
from elements.errors import ConfigurationError
from elements.interpolation import addressed
from elements.origin import origin, origins
from elements.types import Element, OAuth2, Place
from instances import callback, probe
from instances import configuration as keys
from instances.models import ElementInstance


def require_given_again(
    instance: ElementInstance,
    present: Element,
    wanted: Element,
    configuration: Mapping[str, str],
    given: Mapping[str, str | None],
    *,
    consent: bool,
) -> None:
    """Refuses to send what is stored to an origin that it has not been sent to before.

    `configuration` is what the instance is to have, `given` what the request says of it. Raises
    BadRequest naming what must be given again.
    """
    before = keys.readable(instance)
    here = _origins(present, keys.completed(present, before))
    there = _origins(wanted, keys.completed(wanted, configuration))
    missing: list[str] = []
    if not keys.are_open(instance):
        moved = _callback(wanted, configuration) != _callback(present, before)
        if moved or not there <= here:
            keys.stored(instance)  # says what to do before anything can be led elsewhere
    elif not there <= here:
        held = json.loads(instance.secrets)
        missing = [
            f"configuration.{key}"
            for key, value in sorted(configuration.items())
            if value
            and before.get(key) == value
            and not _is_given(given, key)
            and (key in held or keys.is_secret(present, key) or keys.is_secret(wanted, key))
        ]
        if isinstance(present.authentication, OAuth2) and not consent:
            missing.append("providerData.code")
    missing += _callback_secrets_led_away(
        wanted, configuration, given, before=_callback(present, before)
    )
    _refuse([*missing, *_defaults_led_away(wanted, configuration)])


def require_own(element: Element, configuration: Mapping[str, str]) -> None:
    """Refuses to send the secrets of the element itself where its definition does not send them.

    Raises BadRequest naming what the instance must have of its own.
    """
    missing = _callback_secrets_led_away(element, configuration, configuration, before="")
    _refuse([*missing, *_defaults_led_away(element, configuration)])


def _refuse(missing: list[str]) -> None:
    if missing:
        raise BadRequest(
            f"Missing: {', '.join(missing)}: secrets must be given again with a new address that "
            "they are to be sent to"
        )


def _defaults_led_away(element: Element, configuration: Mapping[str, str]) -> list[str]:
    """What the account would send of the element's own secrets to a base URL of its own."""
    own = configuration.get(keys.BASE_URL, "").strip()
    if not own or not element.private or not element.base_url.default:
        return []
    declared = _base(element, {**configuration, keys.BASE_URL: ""})
    if _base(element, configuration) in {declared, *origins(element)}:
        return []
    sent = {*keys.AUTHENTICATION_KEYS.get(type(element.authentication), ())}
    sent |= {
        parameter.name
        for resource in element.resources
        for operation in resource.operations
        for parameter in operation.parameters
        if parameter.place is Place.CONFIGURATION
    }
    return [
        f"configuration.{field.key}"
        for field in element.configuration
        if field.key in sent
        and field.default
        and keys.is_secret(element, field.key)
        and not configuration.get(field.key, "").strip()
    ]


def _callback_secrets_led_away(
    element: Element,
    configuration: Mapping[str, str],
    given: Mapping[str, str | None],
    *,
    before: str,
) -> list[str]:
    """What would be sent to a callback of another origin than the one `before`.

    What is the element's own default goes to the origin of its own callback URL only.
    """
    there = _callback(element, configuration)
    if not there:
        return []
    declared = keys.defaults(element)
    missing = []
    for key in callback.SECRETS:
        if configuration.get(key, "").strip():
            led_away = there != before and not _is_given(given, key)
        else:
            led_away = key not in configuration and bool(declared.get(key, "").strip())
            led_away = led_away and there != _callback(element, {})
        if led_away:
            missing.append(f"configuration.{key}")
    return missing


def _callback(element: Element, configuration: Mapping[str, str]) -> str:
    """The origin of the callback URL; empty where there is none."""
    url = keys.completed(element, configuration).get(keys.EVENTS_CALLBACK_URL, "").strip()
    return origin(url) if url else ""


def _is_given(given: Mapping[str, str | None], key: str) -> bool:
    return given.get(key) not in (None, keys.MASK)


def _origins(element: Element, values: Mapping[str, str]) -> frozenset[str]:
    """Where the account's secrets go."""
    found = {_base(element, values)}
    try:
        how = addressed(element, values).authentication
    except ConfigurationError:
        how = None
    if isinstance(how, OAuth2):
        settings = (how.token_url, how.refresh_url, how.revoke_url)
        found |= {origin(catalogue.address(one)) for one in settings if one is not None}
    return frozenset(found - {""})


def _base(element: Element, values: Mapping[str, str]) -> str:
    """The origin of the base URL; empty where there is none."""
    try:
        return origin(probe.base_url(element, values))
    except (ConfigurationError, ImproperlyConfigured):
        return ""
