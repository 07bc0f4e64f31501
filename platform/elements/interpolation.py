"""Fills `${key}` in a private element's addresses with what an instance is configured with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from elements.errors import ConfigurationError
from elements.types import Element, OAuth2, Setting

CONFIGURED = re.compile(r"\$\{(?:configuration\.)?([A-Za-z0-9._-]{1,200})\}")
PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,199}")  # of a host name, or a plain word


def filled(template: str, values: Mapping[str, str], *, at: str = "configuration.") -> str:
    """The address. `at` stands before the key in errors.

    Raises ConfigurationError naming the key, where it has no value that may be part of an address.
    """

    def value(found: re.Match[str]) -> str:
        text = values.get(found[1], "").strip()
        if not text:
            raise ConfigurationError(f"{at}{found[1]}", "missing: it is part of an address")
        if PART.fullmatch(text) is None:
            raise ConfigurationError(
                f"{at}{found[1]}", "must be letters, digits, - and dots: it is part of an address"
            )
        return text

    return CONFIGURED.sub(value, template)


def addressed(
    element: Element, values: Mapping[str, str], *, at: str = "configuration."
) -> Element:
    """The element with its OAuth 2 addresses filled, and no secret in them: they are shown.

    Raises ConfigurationError.
    """
    oauth = element.authentication
    if not isinstance(oauth, OAuth2):
        return element
    settings = (oauth.authorization_url, oauth.token_url, oauth.revoke_url, oauth.refresh_url)
    if not any(one is not None and "${" in one.default for one in settings):
        return element
    secret = {field.key for field in element.configuration if field.secret}
    values = {key: value for key, value in values.items() if key not in secret}
    authorization, token, revoke, refresh = (
        None if one is None else _filled(one, values, at) for one in settings
    )
    return replace(
        element,
        authentication=replace(
            oauth,
            authorization_url=authorization or oauth.authorization_url,
            token_url=token or oauth.token_url,
            revoke_url=revoke,
            refresh_url=refresh,
        ),
    )


def _filled(setting: Setting, values: Mapping[str, str], at: str) -> Setting:
    return replace(setting, default=filled(setting.default, values, at=at))
