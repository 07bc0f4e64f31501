"""The objects that events tell of: what identifies one, whether a poll or a webhook found it.

| object type | id |
|---|---|
| issues, pull-requests | the number, by which `GET /issues/{id}` reads it |
| comments | GitHub's id |
| pushes | `<ref>:<commit>`, as refs/heads/main:<sha>: what was pushed, and where to |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from integrations.github.api import time_of
from integrations.github.change_feed import List, Sighting
from transport.errors import MalformedAnswer

ISSUES = "issues"
COMMENTS = "comments"
PULL_REQUESTS = "pull-requests"
PUSHES = "pushes"
BRANCH = "refs/heads/"
SHA_OF_NOTHING = "0" * 40  # what a branch that is deleted or made points to


def number_of(record: Mapping[str, Any], name: str) -> str:
    """A number as an object's id. Raises MalformedAnswer."""
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedAnswer(f"a record of GitHub's has no usable {name}")
    return str(value)


def title_of(*names: str, within: str) -> Callable[[Mapping[str, Any]], list[Any]]:
    """What people know an object by: what stands at `names`, in a webhook of what is `within`."""

    def title(record: Mapping[str, Any]) -> list[Any]:
        told = record.get(within)
        return [at(told if isinstance(told, Mapping) else record, name) for name in names]

    return title


def at(value: Any, name: str) -> Any:
    """What stands at a name with dots for nesting; None where nothing does."""
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def push_id(record: Mapping[str, Any]) -> str:
    """Empty for what pushes no commit to a branch: a tag, or a branch's end."""
    ref, after = record.get("ref"), record.get("after")
    if not isinstance(ref, str) or not isinstance(after, str) or not after:
        raise MalformedAnswer("a push of GitHub's has no usable ref and after")
    return f"{ref}:{after}" if ref.startswith(BRANCH) and after != SHA_OF_NOTHING else ""


# --- As lists have them --------------------------------------------------------------------------


def _issue(record: Mapping[str, Any]) -> Sighting | None:
    """None for a pull request: GitHub's list of issues holds those, too."""
    return None if "pull_request" in record else _dated(record, "number")


def _comment(record: Mapping[str, Any]) -> Sighting:
    return _dated(record, "id")


def _pull_request(record: Mapping[str, Any]) -> Sighting:
    # The repositories within change without the pull request.
    own = {
        name: {**value, "repo": None}
        if name in ("head", "base") and isinstance(value, dict)
        else value
        for name, value in record.items()
    }
    return _dated(record, "number", own)


def _dated(
    record: Mapping[str, Any], id_field: str, state: Mapping[str, Any] | None = None
) -> Sighting:
    return Sighting(
        number_of(record, id_field),
        _fingerprint(record if state is None else state),
        time_of(record, "updated_at"),
        time_of(record, "created_at"),
        record,
    )


def _push(activity: Mapping[str, Any]) -> Sighting | None:
    id_ = push_id(activity)
    if not id_:
        return None
    at = time_of(activity, "timestamp")
    return Sighting(id_, number_of(activity, "id"), at, at, push_record(activity))


def push_record(activity: Mapping[str, Any]) -> dict[str, Any]:
    """An entry of the repository's activity under the id that events call it."""
    return {**activity, "id": push_id(activity), "activityId": activity.get("id")}


def _fingerprint(state: Mapping[str, Any]) -> str:
    text = json.dumps(state, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:32]


_NEWEST_FIRST = {"sort": "updated", "direction": "desc"}
_OLDEST_FIRST = {"sort": "updated", "direction": "asc"}
_ALL = {"state": "all"}

LISTS: Mapping[str, List] = {
    ISSUES: List(
        "/issues",
        {**_NEWEST_FIRST, **_ALL},
        _issue,
        oldest_first={**_OLDEST_FIRST, **_ALL},
    ),
    COMMENTS: List("/issues/comments", _NEWEST_FIRST, _comment, oldest_first=_OLDEST_FIRST),
    PULL_REQUESTS: List("/pulls", {**_NEWEST_FIRST, **_ALL}, _pull_request),
    # https://docs.github.com/en/rest/repos/repos#list-repository-activities
    PUSHES: List("/activity", {"direction": "desc"}, _push, dated="timestamp"),
}
