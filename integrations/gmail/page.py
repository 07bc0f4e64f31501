"""Reads a page of one of Gmail's lists.

Rule: what is absent is empty, for Gmail leaves out what is. What is there and is something else
ends the reading: a list that seems to end early would have its rest passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transport.errors import MalformedAnswer


def objects(holder: Mapping[str, Any], name: str, method: str) -> list[dict[str, Any]]:
    """The objects that stand at `name` in an answer of `method`. Raises MalformedAnswer."""
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise MalformedAnswer(f"{name} in Gmail's {method} is not a list of objects")
    return value


def next_token(page: Mapping[str, Any], method: str) -> str:
    """Empty on the last page. Raises MalformedAnswer."""
    token = page.get("nextPageToken")
    if token is None:
        return ""
    if not isinstance(token, str):
        raise MalformedAnswer(f"nextPageToken in Gmail's {method} is not text")
    return token
