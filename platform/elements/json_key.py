"""Where something stands in a provider's JSON, as an element names it."""

from __future__ import annotations

from typing import Any, Final

ABSENT: Final = object()


def at(value: Any, key: str) -> Any:
    """Return what stands at `key` of a JSON value, which may be None; ABSENT when nothing does.

    A key of that very name comes before one whose dots are steps into nested objects:
    "@odata.nextLink" is one key, "meta.next" is two unless there is a "meta.next".
    """
    if not key:
        return value
    if not isinstance(value, dict):
        return ABSENT
    if key in value:
        return value[key]
    parts = key.split(".")
    for length in range(len(parts) - 1, 0, -1):
        above = ".".join(parts[:length])
        if above in value and (found := at(value[above], ".".join(parts[length:]))) is not ABSENT:
            return found
    return ABSENT
