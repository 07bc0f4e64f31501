"""Reads a page of one of Gmail's lists.

Rule 1: Gmail leaves out a list that is empty. It is empty where what Gmail gives beside it is there
and nothing says that the request failed; else whoever reads it would take everything for deleted.
Rule 2: what is there and is something else ends the reading: a list that seems to end early would
have its rest passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transport.errors import MalformedAnswer
from transport.failed_answer import says_failed

# What stands beside each list that may be empty. There are always labels: Gmail's own.
# https://developers.google.com/workspace/gmail/api/reference/rest
BESIDE: Mapping[str, str] = {
    "drafts": "resultSizeEstimate",
    "history": "historyId",
    "messages": "resultSizeEstimate",
    "threads": "resultSizeEstimate",
}


def listed(page: Mapping[str, Any], name: str, method: str) -> list[dict[str, Any]]:
    """The list that is called `name` in an answer of `method`. Raises MalformedAnswer."""
    found = objects(page, name, method)
    if not found and says_failed(page):
        raise MalformedAnswer(f"Gmail's {method} answers without {name}, and says that it failed")
    if page.get(name) is None and not page.keys() & {BESIDE.get(name), "nextPageToken"}:
        raise MalformedAnswer(f"Gmail's {method} answers without {name}, and not as an empty list")
    return found


def objects(holder: Mapping[str, Any], name: str, method: str) -> list[dict[str, Any]]:
    """The objects that stand at `name` in a part of an answer; none where it is absent.

    Raises MalformedAnswer.
    """
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
