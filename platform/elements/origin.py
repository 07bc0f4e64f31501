"""Where what an element keeps secret is sent: scheme, host and port of its addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from elements import built_in
from elements.interpolation import CONFIGURED
from elements.types import Element, OAuth2, Setting

DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def origin(url: str) -> str:
    """RFC 6454 section 4, as text. Of a template too: `${key}` stays as it is written."""
    parts = urlsplit(url)
    host = parts.netloc if "${" in parts.netloc else parts.netloc.lower()
    return f"{parts.scheme}://{host.removesuffix(DEFAULT_PORTS.get(parts.scheme, ''))}"


def origins(element: Element) -> frozenset[str]:
    """Those of the base URL and of the OAuth 2 addresses, as far as the element itself says it.

    Where a part of a host is what an instance is configured with, the entry's default counts.
    """
    settings: list[Setting | None] = [element.base_url]
    how = element.authentication
    if isinstance(how, OAuth2):
        settings += [how.authorization_url, how.token_url, how.refresh_url, how.revoke_url]
    texts = (_text(element, one) for one in settings if one is not None)
    return frozenset(origin(text) for text in texts if text)


def _text(element: Element, setting: Setting) -> str:
    if setting.variable:
        return built_in.address(setting)
    defaults = {field.key: (field.default or "").strip() for field in element.configuration}

    def default(found: re.Match[str]) -> str:
        return defaults.get(found[1]) or found[0]

    return CONFIGURED.sub(default, setting.default)
