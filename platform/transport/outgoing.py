"""A connector's Request made ready to send: the same bytes whichever runner sends them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

from transport.errors import AddressRefused, TransportError
from transport.guard import Target, read_url
from transport.types import Account, QueryValue, Request, Response

# Google compresses only for a User-Agent that says gzip
# (https://developers.google.com/workspace/gmail/api/guides/performance).
USER_AGENT = "Periodic/0.1 (gzip)"
COMMON_HEADERS: Mapping[str, str] = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}

ONE_VALUE = (str, int)  # made once: `str | int` within a call is made anew each time
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
_READY = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]*")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request with an absolute, encoded URL and all headers but the common ones."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    units: int = 0
    max_body: int = 0
    limit_codes: frozenset[str] = frozenset()


def prepare(request: Request, account: Account, token: str | None) -> Outgoing:
    """The request as it leaves. `token` goes only to the origin of the account's base URL.

    Raises AddressRefused when its URL is neither a path from "/" nor a readable absolute URL, or
    leads away from the origin that it must not leave.
    """
    base, _ = _base(account.base_url)
    url = request.url
    trusted = is_own(request, account)
    if request.own_origin and not trusted:
        raise AddressRefused("the provider's answer leads to an address that is not its own")
    if url.startswith("/"):
        url = base + url
    if not _READY.fullmatch(url):
        url = quote(url.partition("#")[0], safe=":/?[]@!$&'()*+,;=%~")
    if request.query:
        url += ("&" if "?" in url else "?") + _query(request.query)
    headers = dict(request.headers)
    if token is not None and trusted:
        headers[account.scheme.header] = account.scheme.prefix + sendable(token)
    body = None
    if request.json is not None:
        body = json.dumps(request.json, separators=(",", ":")).encode()
        headers["Content-Type"] = "application/json"
    return Outgoing(
        request.method.upper(),
        url,
        headers,
        body,
        request.units,
        request.max_body,
        account.limit_codes,
    )


def is_own(request: Request, account: Account) -> bool:
    """Whether a request goes to the account's own origin, and so carries its token.

    Raises AddressRefused when its URL is neither a path from "/" nor a readable absolute URL.
    """
    if request.url.startswith("/"):
        return True
    if request.url.startswith(("http://", "https://")):
        _, origin = _base(account.base_url)
        return read_url(request.url) == origin
    # Anything else, put behind the base URL, could change its host ("@example.com").
    raise AddressRefused("a request's URL must be a path that begins with / or be absolute")


REPEATS_METHOD = frozenset({307, 308})  # RFC 9110 sections 15.4.8 and 15.4.9
READS = frozenset({"GET", "HEAD"})


def redirected(request: Request, answer: Response, account: Account) -> Request | None:
    """Return the request that a redirect asks for within the account's own origin; else None.

    A path of that origin is the provider's own matter (a repository that was renamed), and all
    else might be anybody's. Any method is repeated where the status says so, else those that read.
    A Location without a query keeps that of the request.
    """
    location = answer.headers.get("location", "")
    if not location or not 300 <= answer.status < 400 or not is_own(request, account):
        return None
    if answer.status not in REPEATS_METHOD and (
        answer.status not in (301, 302) or request.method.upper() not in READS
    ):
        return None
    try:
        url = urljoin(prepare(request, account, None).url, location).partition("#")[0]
        moved = replace(request, url=url)
        if not is_own(moved, account):
            return None
        return replace(moved, query={}) if urlsplit(url).query else moved
    except (TransportError, ValueError):  # an address that nobody can read
        return None


def sendable(token: str) -> str:
    """The token as part of a header. Raises TransportError, without it, if it can't be one.

    Judged here since HTTP libraries quote a bad header value in their errors.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise TransportError("the account's access token cannot be sent: it is empty or malformed")
    return token


@lru_cache(maxsize=1024)
def _base(base_url: str) -> tuple[str, Target]:
    """The base URL without its last slash, and its origin."""
    origin = read_url(base_url)
    if "?" in base_url or "#" in base_url:
        raise AddressRefused("the account's base URL must not have a query or fragment")
    return base_url.rstrip("/"), origin


def _query(query: Mapping[str, QueryValue]) -> str:
    """Name=value pairs; a sequence repeats its name."""
    pairs: list[str] = []
    for name, value in query.items():
        values = (value,) if isinstance(value, ONE_VALUE) else value
        pairs += [f"{_encoded(name)}={_encoded(str(one))}" for one in values]
    return "&".join(pairs)


def _encoded(text: str) -> str:
    # Most texts are plain, and quote() costs ten times this match for every idle poll.
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")
