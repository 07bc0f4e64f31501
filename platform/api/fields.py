"""Reads typed values out of hostile JSON (and out of query parameters and paths).

Each raises BadRequest naming the path and what would be right. `at` is the path of `body` itself:
`text(body["element"], "key", at="element")` speaks of `element.key`. A value of null is as good
as none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import BadRequest
from elements.fields import kind_of
from elements.row_id import LARGEST_ID, row_id


def id_in_path(digits: str) -> int:
    """An id as a path has it; 0, which no row has, for one that is too large for any."""
    return row_id(digits) or 0


def json_object(value: Any, path: str = "the body") -> dict[str, Any]:
    """The value itself, known to be a JSON object. For `request.data`."""
    if not isinstance(value, dict):
        raise BadRequest(f"{path} must be a JSON object, not {kind_of(value)}")
    return value


def text(
    body: Mapping[str, Any],
    name: str,
    *,
    at: str = "",
    required: bool = False,
    longest: int = 1000,
    default: str = "",
) -> str:
    """A string without blanks at its ends; `default` when absent. Required means not empty."""
    path = _path(at, name)
    value = body.get(name)
    if value is None:
        value = "" if required else default
    if not isinstance(value, str):
        raise BadRequest(f"{path} must be a string, not {kind_of(value)}")
    value = value.strip()
    if required and not value:
        raise BadRequest(f"{path} is missing")
    if len(value) > longest:
        raise BadRequest(f"{path} has {len(value)} characters; {longest} are allowed")
    if "\0" in value:
        raise BadRequest(f"{path} contains a NUL character")
    return value


def flag(body: Mapping[str, Any], name: str, *, at: str = "", default: bool = False) -> bool:
    """A boolean, or its string form in any case."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise BadRequest(f"{_path(at, name)} must be true or false, not {_shown(value)}")


def integer(
    body: Mapping[str, Any],
    name: str,
    *,
    at: str = "",
    least: int = 0,
    most: int = LARGEST_ID,
    default: int | None = None,
) -> int | None:
    """A whole number, or its decimal string form; `default` when absent or an empty string."""
    value = body.get(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return default
    number = _whole(value)
    if number is None or not least <= number <= most:
        raise BadRequest(
            f"{_path(at, name)} must be a whole number from {least} to {most}, not {_shown(value)}"
        )
    return number


def mapping(
    body: Mapping[str, Any], name: str, *, at: str = "", required: bool = False
) -> dict[str, Any]:
    """A JSON object; an empty one when absent."""
    value = body.get(name)
    if value is None:
        if required:
            raise BadRequest(f"{_path(at, name)} is missing: it must be a JSON object")
        return {}
    return json_object(value, _path(at, name))


def texts(
    body: Mapping[str, Any], name: str, *, at: str = "", longest: int = 1000, most: int = 100
) -> list[str] | None:
    """A list of at most `most` strings; None when absent."""
    path = _path(at, name)
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadRequest(f"{path} must be a list of strings, not {kind_of(value)}")
    if len(value) > most:
        raise BadRequest(f"{path} has {len(value)} entries; {most} are allowed")
    found = []
    for index, item in enumerate(value):
        entry = f"{path}[{index}]"
        if item is None:
            raise BadRequest(f"{entry} must be a string, not null")
        found.append(text({entry: item}, entry, longest=longest))
    return found


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        digits = value.strip()
        if digits.isascii() and digits.removeprefix("-").isdigit() and len(digits) <= 20:
            return int(digits)
    return None


def _path(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _shown(value: Any) -> str:
    """The value as far as it helps and is short; only for values that are never secret."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 20 else f'"{value[:20]}…"'
    if isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) <= 25:
        return str(value)
    return kind_of(value)
