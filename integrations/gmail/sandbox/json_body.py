"""The JSON body of a control request, read field by field with errors that name the field."""

import json
from typing import Any

from aiohttp import web

from .errors import BadControlError

_MISSING: Any = object()


async def read_body(request: web.Request) -> "JsonBody":
    """The body as an object; an empty one is `{}`. Raises BadControlError.

    The content type must be JSON, which a form of a foreign web page can't claim to be.
    """
    content = await request.read()
    if not content:
        return JsonBody({})
    if request.content_type != "application/json":
        raise BadControlError("Content-Type must be application/json", 415)
    try:
        value = json.loads(content)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise BadControlError(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadControlError("the body must be a JSON object")
    return JsonBody(value)


class JsonBody:
    """An object whose fields are taken one by one; `done` refuses those that nobody took."""

    def __init__(self, values: dict[str, Any], where: str = "") -> None:
        self._values = dict(values)
        self._where = where

    def text(self, name: str, default: str | None = _MISSING) -> str:
        """A text, without null bytes."""
        value = self.optional_text(name) if name in self._values else default
        if value is _MISSING or (value is None and default is _MISSING):
            raise BadControlError(f"{self._where}{name} is missing")
        return value or ""

    def optional_text(self, name: str) -> str | None:
        """A text, or None where it isn't given."""
        value = self._values.pop(name, None)
        if value is not None and (not isinstance(value, str) or "\0" in value):
            raise BadControlError(f"{self._where}{name} must be a text")
        return value

    def number(self, name: str, low: int, high: int) -> int | None:
        """A whole number in the range, or None where it isn't given."""
        value = self._values.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise BadControlError(
                f"{self._where}{name} must be a whole number from {low} to {high}"
            )
        return value

    def header_value(self, name: str) -> str | None:
        """A whole number or a text in one line, or None where it isn't given."""
        value = self._values.pop(name, None)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not (value.isascii() and value.isprintable()):
            raise BadControlError(f"{self._where}{name} must be a number, or a text in one line")
        return value

    def seconds(self, name: str) -> float | None:
        """A number of at most a hundred years, or None where it isn't given."""
        value = self._values.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 3.2e9:
            raise BadControlError(f"{self._where}{name} must be a number of seconds")
        return float(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self._values.pop(name, default)
        if not isinstance(value, bool):
            raise BadControlError(f"{self._where}{name} must be true or false")
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of text, or None where it isn't given."""
        value = self._values.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(
            isinstance(item, str) and "\0" not in item for item in value
        ):
            raise BadControlError(f"{self._where}{name} must be a list of text")
        return value

    def part(self, name: str) -> "JsonBody":
        """An object inside; `{}` where it isn't given."""
        value = self._values.pop(name, None) or {}
        if not isinstance(value, dict):
            raise BadControlError(f"{self._where}{name} must be an object")
        return JsonBody(value, f"{self._where}{name}.")

    def parts(self, name: str) -> list["JsonBody"]:
        """A list of objects; empty where it isn't given."""
        value = self._values.pop(name, None) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise BadControlError(f"{self._where}{name} must be a list of objects")
        return [JsonBody(item, f"{self._where}{name}[{i}].") for i, item in enumerate(value)]

    def rest(self) -> dict[str, str]:
        """Every field that is left, all of them text."""
        return {name: self.text(name) for name in list(self._values)}

    def done(self) -> None:
        """Raises BadControlError for a field that nobody asked for."""
        for name in self._values:
            raise BadControlError(f"{self._where}{name} is not a known field")
