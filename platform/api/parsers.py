"""Reads request bodies: JSON (RFC 8259) and nothing that merely resembles it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn, TypeAlias

from django.conf import settings
from rest_framework.parsers import BaseParser

from api.errors import BadRequest, TooLarge, UnsupportedType
from transport.json_text import has_more_values

DEEPEST = 50  # levels of nesting
LONGEST_NUMBER = 100  # digits
LONGEST_STEP = 100  # characters of a name in a path that a message shows
MAX_VALUES = 100_000  # each takes some hundred bytes of memory, in two bytes of JSON


class StrictJSONParser(BaseParser):
    """The body as JSON in UTF-8, at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, or what the view's
    `largest_body` says.

    Refuses what PostgreSQL could not store: NUL characters, halves of surrogate pairs, numbers
    that are none.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _check_charset(media_type or "")
        view = (parser_context or {}).get("view")
        limit = getattr(view, "largest_body", settings.DATA_UPLOAD_MAX_MEMORY_SIZE) or 0
        # One byte beyond the limit tells that there is more, without reading it all.
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        return parse_json(raw)


def parse_json(raw: bytes, subject: str = "the body") -> Any:
    """The value of strict JSON. Raises BadRequest saying what is wrong with `subject`."""
    if has_more_values(raw, MAX_VALUES):
        raise BadRequest(f"{subject} has more than {MAX_VALUES} values")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{subject} is not UTF-8, at byte {error.start}") from error
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        raise BadRequest(
            f"{subject} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from error
    except ValueError as error:
        raise BadRequest(f"{subject} is not JSON: {error}") from error
    except RecursionError as error:
        raise BadRequest(f"{subject} is nested deeper than {DEEPEST} levels") from error
    _check(value, subject)
    return value


def _check_charset(media_type: str) -> None:
    for parameter in media_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {
            "utf-8",
            "utf8",
        }:
            raise UnsupportedType("send JSON in UTF-8: no other charset is read")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    if len(digits) > LONGEST_NUMBER or not math.isfinite(value):
        raise ValueError(f"the number {digits[:20]}… is too large or too long")
    return value


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"the number {digits[:20]}… is too long")
    return int(digits)


# Where a value stands: in what, and under which name or index there. A path is written of it only
# for a message: a long name, written for each of what lies below it, would fill the memory.
_Place: TypeAlias = "tuple[_Place | None, str | int]"


def _check(value: Any, subject: str) -> None:
    """Walks the value without recursion: its depth is the caller's choice until here."""
    waiting: list[tuple[Any, _Place | None, int]] = [(value, None, 0)]
    while waiting:
        item, place, depth = waiting.pop()
        if depth > DEEPEST:
            raise BadRequest(f"{subject} is nested deeper than {DEEPEST} levels")
        if isinstance(item, str) and (fault := _fault(item)):
            raise BadRequest(f"{_path(place) or subject} {fault}")
        if isinstance(item, dict):
            for key, below in item.items():
                if fault := _fault(key):
                    raise BadRequest(f"a key in {_path(place) or subject} {fault}")
                waiting.append((below, (place, key), depth + 1))
        elif isinstance(item, list):
            waiting.extend((below, (place, at), depth + 1) for at, below in enumerate(item))


def _path(place: _Place | None) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:LONGEST_STEP]}")
    return "".join(reversed(steps)).removeprefix(".")


def _fault(text: str) -> str:
    """Return what PostgreSQL could not store of it; empty where it could."""
    if "\0" in text:
        return "contains a NUL character (\\u0000)"
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        return "contains half of a surrogate pair, which is not a character"
    return ""
