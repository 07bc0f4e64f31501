"""Reads what GitHub's webhooks tell: https://docs.github.com/en/webhooks/webhook-events-and-payloads

What kind of event it is stands in a header that nobody signs, so the body must look like one of
that kind. What doesn't is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from elements.calls import ChangeType, Received, Told
from elements.errors import UnreadableWebhookError
from integrations.github.api import time_of
from integrations.github.objects import (
    COMMENTS,
    ISSUES,
    PULL_REQUESTS,
    PUSHES,
    number_of,
    push_id,
)
from transport.errors import MalformedAnswer

EVENT_HEADER = "X-GitHub-Event"
EVENTS = ("issues", "issue_comment", "pull_request", "push")
# What isn't here changed something of the object: edited, closed, labeled, synchronize …
ACTIONS = {
    "opened": ChangeType.CREATED,
    "created": ChangeType.CREATED,
    "deleted": ChangeType.DELETED,
    "transferred": ChangeType.DELETED,  # to another repository, where it has another number
}

UNREADABLE = (
    MalformedAnswer,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    OverflowError,
    OSError,  # of a date beyond any calendar
)


def read(received: Received) -> list[Told]:
    """Return the one change that a delivery tells of; none of a ping, and of other kinds of events.

    Raises UnreadableWebhookError for a body that is not of the kind that the header says.
    """
    kind = received.headers.get(EVENT_HEADER, "").strip()
    if not kind:
        raise UnreadableWebhookError(f"the header {EVENT_HEADER} is missing")
    tell = _READERS.get(kind)
    if tell is None:
        return []
    try:
        told = tell(received.value)
    except UNREADABLE as error:
        raise UnreadableWebhookError(f"the body is not of GitHub's event {kind}") from error
    return [] if told is None else [told]


def _issue(body: Mapping[str, Any]) -> Told:
    if "comment" in body or "pull_request" in body["issue"]:
        raise ValueError("of another kind")
    return _told(ISSUES, "number", body["issue"], body)


def _comment(body: Mapping[str, Any]) -> Told:
    if "issue" not in body:
        raise ValueError("of another kind")
    return _told(COMMENTS, "id", body["comment"], body)


def _pull_request(body: Mapping[str, Any]) -> Told:
    return _told(PULL_REQUESTS, "number", body["pull_request"], body)


def _told(
    object_type: str, id_field: str, record: Mapping[str, Any], body: Mapping[str, Any]
) -> Told:
    change = ACTIONS.get(str(body["action"]), ChangeType.UPDATED)
    # A record that is gone says when it was changed last, and not when it went.
    date = None if change is ChangeType.DELETED else time_of(record, "updated_at")
    return Told(object_type, number_of(record, id_field), change, date)


def _push(body: Mapping[str, Any]) -> Told | None:
    if "action" in body:  # no push has one
        raise ValueError("of another kind")
    id_ = push_id(body)
    pushed_at = body.get("repository", {}).get("pushed_at")
    date = datetime.fromtimestamp(pushed_at, UTC) if isinstance(pushed_at, int) else None
    return Told(PUSHES, id_, ChangeType.CREATED, date) if id_ else None


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Told | None]] = {
    "issues": _issue,
    "issue_comment": _comment,
    "pull_request": _pull_request,
    "push": _push,
}
