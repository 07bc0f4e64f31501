"""A URL that is sent byte for byte: the signature in it may cover how it is written."""

from __future__ import annotations

import re
from urllib.parse import quote

from yarl import URL

from transport.guard import read_url

_TARGET = re.compile(r"[^:/?#]+://[^/?#]*([^#]*)")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


def exact_url(text: str) -> URL:
    """Return the URL whose path and query yarl and aiohttp leave as they are in `text`.

    Letters outside ASCII, which no request line can hold, are percent-encoded (RFC 3987 section
    3.1). The fragment is left out, as it never is sent. Raises AddressRefused for what the address
    guard cannot read.
    """
    target = read_url(text)
    found = _TARGET.match(text)
    written = _NOT_ASCII.sub(lambda letters: quote(letters[0]), found[1] if found else "")
    standard = 443 if target.scheme == "https" else 80
    host = f"[{target.host}]" if ":" in target.host else target.host
    return URL.build(
        scheme=target.scheme,
        authority=host if target.port == standard else f"{host}:{target.port}",
        # yarl drops an empty query, and takes a path for what it is given as.
        path=written if written.startswith("/") else f"/{written}",
        encoded=True,
    )
