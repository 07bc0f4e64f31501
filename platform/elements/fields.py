"""Reads typed values out of the JSON body of a hub call; whatever is sent, the error names it.

A value of null is as good as none. `at` is the path of the object itself: an `at` of
`attachments[0]` makes errors speak of `attachments[0].filename`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from elements.errors import ParameterError

WHOLE = "the body"
# The email package begins a new line of a header at these, too: a way to smuggle one in.
LINE_BREAKS = "\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def json_object(value: Any, known: Collection[str] = (), *, at: str = "") -> dict[str, Any]:
    """The value itself, an object with none but the `known` fields (any, where none are)."""
    if not isinstance(value, dict):
        raise ParameterError(at or WHOLE, f"must be a JSON object, not {kind_of(value)}")
    for name in value if known else ():
        if name not in known:
            shown = name if len(name) <= 50 else f"{name[:50]}…"
            raise ParameterError(
                path_of(at, shown), f"is not known here; known are {', '.join(known)}"
            )
    return value


def text(
    body: Mapping[str, Any],
    name: str,
    *,
    at: str = "",
    required: bool = False,
    longest: int = 1000,
    lines: bool = False,
) -> str:
    """A string, empty when absent. Only with `lines` may it hold line breaks."""
    return text_value(
        body.get(name), path_of(at, name), required=required, longest=longest, lines=lines
    )


def text_value(
    value: Any, path: str, *, required: bool = False, longest: int = 1000, lines: bool = False
) -> str:
    """As `text`, of a value at this path."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise ParameterError(path, f"must be a string, not {kind_of(value)}")
    if required and not value.strip():
        raise ParameterError(path, "is missing")
    if len(value) > longest:
        raise ParameterError(path, f"has {len(value)} characters; {longest} are allowed")
    for character in value if not (value.isascii() and value.isprintable()) else "":
        if "\ud800" <= character <= "\udfff":
            raise ParameterError(path, "holds half of a surrogate pair, which is no character")
        if not lines and character in LINE_BREAKS:
            raise ParameterError(path, "must be one line, without line breaks")
        if character not in "\t\r\n" and (character < " " or character == "\x7f"):
            raise ParameterError(path, f"holds the control character U+{ord(character):04X}")
    return value


def texts(body: Mapping[str, Any], name: str, *, at: str = "", most: int = 100) -> list[str] | None:
    """A list of at most `most` non-empty strings; None when absent."""
    path = path_of(at, name)
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, list):
        raise ParameterError(path, f"must be a list of strings, not {kind_of(value)}")
    if len(value) > most:
        raise ParameterError(path, f"has {len(value)} entries; {most} are allowed")
    return [text_value(item, f"{path}[{index}]", required=True) for index, item in enumerate(value)]


def flag(body: Mapping[str, Any], name: str, *, at: str = "") -> bool | None:
    """A boolean, or its string form in any case; None when absent."""
    value = body.get(name)
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    if value is None or isinstance(value, bool):
        return value
    raise ParameterError(path_of(at, name), f"must be true or false, not {kind_of(value)}")


def whole_number(body: Mapping[str, Any], name: str, *, at: str = "") -> int | None:
    """A whole number below 2**63, or its decimal string form; None when absent."""
    value = body.get(name)
    if isinstance(value, str) and len(value.strip()) <= 20:
        digits = value.strip().removeprefix("-")
        value = int(value) if digits.isascii() and digits.isdecimal() else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise ParameterError(path_of(at, name), f"must be a whole number, not {kind_of(value)}")
    return value


def choice(
    body: Mapping[str, Any], name: str, choices: Collection[str], *, at: str = ""
) -> str | None:
    """One of the choices; None when absent."""
    value = body.get(name)
    if value is None or (isinstance(value, str) and value in choices):
        return value
    raise ParameterError(path_of(at, name), f"must be one of {', '.join(choices)}")


def path_of(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "an object"
