"""Reads what a token endpoint grants, RFC 6749 section 5.1, in the forms that providers write it.

Such an answer may have spent the refresh token it was asked with, and is given once. So nothing
but an unusable access token refuses it: another part that cannot be read counts as absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.utils.dateparse import parse_duration

from transport import json_text

MAX_TOKEN = 16_384  # characters
MIN_LIFETIME = 1.0  # second; a token that lives shorter would be renewed without an end
MAX_LIFETIME = 10 * 365 * 86_400  # seconds that are believed
PROTOBUF = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s")  # google.protobuf.Duration in JSON
DURATION = re.compile(r"P[0-9A-Z.,]{1,40}|[0-9]{1,3}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?")
LIFETIMES = ("expires_in", "refresh_token_expires_in")


def parts_of(body: bytes) -> dict[str, Any]:
    """Return the parts of an answer, JSON or a form; none of what is neither.

    Old implementations write a form: GitHub's and Facebook's once did.
    """
    try:
        answer = json_text.parse(body)
    except ValueError:
        answer = dict(parse_qsl(body.decode("utf-8", "replace")))
    return answer if isinstance(answer, dict) else {}


def readable(parts: Mapping[str, Any]) -> bytes:
    """Return the answer as RFC 6749 writes it, without what it does not know or nobody can read.

    OAuth libraries refuse a whole answer for one part of another type.
    """
    read: dict[str, Any] = {
        name: parts[name]
        for name in ("access_token", "refresh_token", "token_type")
        if is_usable(parts.get(name))
    }
    for name in LIFETIMES:
        if (lifetime := seconds(parts.get(name))) is not None:
            read[name] = lifetime
    if granted := scope(parts.get("scope")):
        read["scope"] = granted
    return json.dumps(read).encode()


def is_usable(value: object) -> bool:
    """Return whether a value is text of the printable ASCII that RFC 6749 appendix A gives it."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_TOKEN
        and value.isascii()
        and value.isprintable()
    )


def seconds(value: object) -> float | None:
    """Return the seconds that a token lives; None for what says no such thing.

    Takes a number, also as text (`"3600.0"`), and a duration as of ISO 8601 (`"PT1H"`), of
    protobuf (`"3600s"`) or of a clock (`"01:00:00"`). What is shorter than MIN_LIFETIME, negative
    or longer than MAX_LIFETIME, and a word such as "never" say nothing.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        lifetime = float(value)
    except OverflowError:
        return None
    except ValueError:
        lifetime = _duration(str(value).strip())
    return lifetime if MIN_LIFETIME <= lifetime <= MAX_LIFETIME else None


def _duration(text: str) -> float:
    """Return the seconds of a duration, 0 of another text.

    Nothing but the listed forms: Django reads "3,600" as 3.6 s, and "3 600" as three days.
    """
    if (found := PROTOBUF.fullmatch(text)) is not None:
        return float(found[1])
    if DURATION.fullmatch(text) is None:
        return 0.0
    try:
        duration = parse_duration(text)
    except (ValueError, OverflowError):
        return 0.0
    return duration.total_seconds() if duration is not None else 0.0


def scope(value: object) -> str:
    """Return the scopes, separated by blanks; empty where the answer names none.

    Providers write a text with blanks or commas (GitHub) between them, or a list.
    """
    several = value if isinstance(value, list) else [value]
    text = " ".join(one for one in several if isinstance(one, str))
    granted = " ".join(text.replace(",", " ").split())
    return granted if is_usable(granted) else ""
