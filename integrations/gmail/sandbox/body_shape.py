"""The JSON body of a Gmail call, checked as Google checks it: unknown names and wrong types fail.

A shape maps a field's name to its kind: "string", "bool", "int32", "int64" (text in JSON),
"strings", a tuple of the values of an enum, or another shape.
"""

from collections.abc import Mapping
from typing import Any

from .errors import ApiError

Shape = Mapping[str, "str | tuple[str, ...] | Shape"]
_TYPES = {"string": "TYPE_STRING", "bool": "TYPE_BOOL", "int32": "TYPE_INT32",
          "int64": "TYPE_INT64", "strings": "TYPE_STRING"}  # fmt: skip
_LIMITS = {"int32": 2**31, "int64": 2**63}


def read(body: Mapping[str, Any], shape: Shape, where: str) -> dict[str, Any]:
    """The fields that are there, null counting as absent. `where` names the body in errors.

    Raises ApiError as Google words it.
    """
    values: dict[str, Any] = {}
    for name, value in body.items():
        if name not in shape:
            raise ApiError(
                400,
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': "
                "Cannot find field.",
                "badRequest",
            )
        if value is not None:
            values[name] = _value(value, shape[name], f"{where}.{name}")
    return values


def _value(value: Any, kind: "str | tuple[str, ...] | Shape", where: str) -> Any:
    if isinstance(kind, Mapping):
        if isinstance(value, dict):
            return read(value, kind, where)
        raise _invalid(where, "TYPE_MESSAGE", value)
    if isinstance(kind, tuple):
        if isinstance(value, str) and value in kind:
            return value
        raise _invalid(where, "TYPE_ENUM", value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "string" and _storable(value):
        return value
    if kind == "strings" and isinstance(value, list) and all(map(_storable, value)):
        return value
    if kind in _LIMITS:
        number = _number(value)
        if number is not None and -_LIMITS[kind] <= number < _LIMITS[kind]:
            return str(number) if kind == "int64" else number
    raise _invalid(where, _TYPES[kind], value)


def _storable(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _number(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value) <= 20:
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdecimal():
            return int(value)
    return None


def _invalid(where: str, kind: str, value: Any) -> ApiError:
    shown = f'"{value[:100]}"' if isinstance(value, str) else str(value)[:100]
    return ApiError(400, f"Invalid value at '{where}' ({kind}), {shown}", "badRequest")
