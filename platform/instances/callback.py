"""What every request to an instance's callback carries beside our own: headers, and who we are.

`event.notification.callback.headers` is a JSON object (`{"X-Api-Key": "…"}`) or lines such as
`X-Api-Key: …`. `event.notification.basic.username` and `.password` become an Authorization header
(RFC 7617). All of it is secret.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from api.errors import BadRequest

HEADERS = "event.notification.callback.headers"
USERNAME = "event.notification.basic.username"
PASSWORD = "event.notification.basic.password"  # noqa: S105 - the name of a key
SECRETS = (HEADERS, PASSWORD)  # sent only where they were given for: instances.destination

MOST_HEADERS = 20
LONGEST_HEADERS = 8_000  # characters, names and values together
LONGEST_PART = 500  # characters of a user name or password
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
VALUE = re.compile(r"[\x20-\x7e\t]*")  # section 5.5, without the obsolete bytes
# Of the connection (section 7.6.1), of the body, or our own.
RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
RESERVED_BEGINNINGS = ("webhook-", "elements-webhook-")
AUTHORIZATION = "authorization"


def headers_of(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers that a configuration asks for. Raises BadRequest naming the key."""
    headers = read(values.get(HEADERS, ""), path=HEADERS)
    basic = _basic(values.get(USERNAME, ""), values.get(PASSWORD, ""))
    if not basic:
        return headers
    if any(name.lower() == AUTHORIZATION for name, _ in headers):
        raise BadRequest(f"{HEADERS}: has an Authorization header, and {USERNAME} makes another")
    return [*headers, ("Authorization", basic)]


def read(text: str, *, path: str) -> list[tuple[str, str]]:
    """Names and values in the order in which they are written. Raises BadRequest naming `path`.

    Messages quote names and never values.
    """
    if len(text) > LONGEST_HEADERS:
        raise BadRequest(f"{path}: longer than {LONGEST_HEADERS} characters")
    written = text.strip()
    if not written:
        return []
    pairs = _of_json(written, path) if written.startswith("{") else _of_lines(written, path)
    headers = [(name.strip(), value.strip(" \t")) for name, value in pairs]
    if len(headers) > MOST_HEADERS:
        raise BadRequest(f"{path}: more than {MOST_HEADERS} headers")
    seen: set[str] = set()
    for name, value in headers:
        _check(name, value, path)
        if name.lower() in seen:
            raise BadRequest(f"{path}: {name} is there twice")
        seen.add(name.lower())
    return headers


def _of_json(text: str, path: str) -> Iterable[tuple[str, str]]:
    try:
        pairs: Any = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise BadRequest(f"{path}: is not a JSON object, though it begins like one") from None
    for name, value in pairs:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadRequest(f"{path}: the values of the object must be texts")
        yield name, str(value)


def _of_lines(text: str, path: str) -> Iterable[tuple[str, str]]:
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(f"{path}: each line must be a header, such as X-Api-Key: abc")
        yield name, value


def _check(name: str, value: str, path: str) -> None:
    if not TOKEN.fullmatch(name):
        raise BadRequest(f"{path}: {name[:50]!r} is not a header's name, such as X-Api-Key")
    if name.lower() in RESERVED or name.lower().startswith(RESERVED_BEGINNINGS):
        raise BadRequest(f"{path}: {name} is set by Periodic itself, or of the connection")
    if not VALUE.fullmatch(value):
        raise BadRequest(f"{path}: the value of {name} must be printable ASCII, on one line")


def _basic(username: str, password: str) -> str:
    """The credentials of RFC 7617 section 2; empty without a user name."""
    if not username:
        if password:
            raise BadRequest(f"{USERNAME} is missing: {PASSWORD} is of no use without it")
        return ""
    for path, value in ((USERNAME, username), (PASSWORD, password)):
        if len(value) > LONGEST_PART:
            raise BadRequest(f"{path}: longer than {LONGEST_PART} characters")
        if not value.isprintable():
            raise BadRequest(f"{path}: must have no control characters")
    if ":" in username:
        raise BadRequest(f"{USERNAME}: must have no colon")
    try:
        pair = f"{username}:{password}".encode()
    except UnicodeEncodeError:
        raise BadRequest(f"{USERNAME} and {PASSWORD} must be texts that UTF-8 carries") from None
    return f"Basic {base64.b64encode(pair).decode()}"
