"""Reads an authorization code in the forms in which people bring it. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

PERCENT_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")  # RFC 3986 section 2.1


def readings(text: str) -> tuple[str, ...]:
    """Return what `text` may mean, the likeliest first: it is tried as it stands, and then decoded.

    A browser's address bar shows Google's `4/0A…` as `4%2F0A…`. A code may hold a percent sign of
    its own (RFC 6749 appendix A.11), so that nothing but the provider tells the two apart. Of a
    whole address, as of the redirect URI, the `code` in its query is meant.
    """
    brought = text.strip()
    if brought.startswith(("https://", "http://")):
        return _of_address(brought) or (brought,)
    decoded = unquote(brought) if PERCENT_ENCODED.search(brought) else brought
    return tuple(dict.fromkeys((brought, decoded)))


def _of_address(address: str) -> tuple[str, ...]:
    try:
        return tuple(parse_qs(urlsplit(address).query).get("code", [])[:1])
    except ValueError:
        return ()
