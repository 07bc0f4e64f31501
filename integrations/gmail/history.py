"""Reads a mailbox's history: which messages changed since a history id, and how.

Rule 1: a history id is opaque text. Nothing compares, sorts or computes with it.
Rule 2: only messagesAdded, messagesDeleted, labelsAdded and labelsRemoved are believed; the
        plain `messages` of a record may repeat them or stand for changes of no concern.
Rule 3: the start stays the same while paging, and the new history id is the last page's. Where
        the reading ends before that, it is the last record's: "history results are returned in
        chronological order (increasing historyId)".

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elements.calls import Changes, ChangeType
from integrations.gmail.page import listed, next_token, objects
from integrations.gmail.units import UNITS
from transport.errors import MalformedAnswer
from transport.types import Checkpoint, QueryValue, Request, Response, Steps

PROFILE = "/gmail/v1/users/me/profile"
HISTORY = "/gmail/v1/users/me/history"
METHOD = "history.list"
RECORDS_A_PAGE = 500  # the most that Gmail gives
PAGES_A_POLL = 20  # the rest waits for the next poll, which is due at once
SAFE_ID = re.compile(r"[0-9A-Za-z_-]{1,200}")


class HistoryExpiredError(Exception):
    """Gmail no longer knows the history id (its 404): only listing the mailbox helps."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the history says of one message, all its records taken together.

    `labels` and `history_id` are those of the latest record.
    """

    message_id: str
    thread_id: str | None
    labels: tuple[str, ...]
    history_id: str
    change_type: ChangeType


@dataclass(frozen=True, slots=True)
class History:
    """The changed messages, oldest change first, and where the next reading starts.

    `more` is set when other pages follow.
    """

    sightings: dict[str, Sighting] = field(default_factory=dict)
    history_id: str = ""
    more: bool = False


def current_history_id() -> Steps[str]:
    """Where the mailbox's history stands now."""
    response: Response = yield Request("GET", PROFILE, units=UNITS["getProfile"])
    return _history_id(response.object())


def read_history(start: str, so_far: Callable[[History], Changes]) -> Steps[History]:
    """Everything since `start`, or the PAGES_A_POLL oldest pages of it.

    `so_far` makes the result of a checkpoint after each page that others follow. Raises
    HistoryExpiredError, MalformedAnswer, ProviderError.
    """
    sightings: dict[str, Sighting] = {}
    tokens: set[str] = set()
    token, reached, pages = "", start, 0
    while True:
        try:
            page = yield from _page(start, token, RECORDS_A_PAGE)
        except HistoryExpiredError:
            if reached == start:
                raise
            return History(sightings, reached, more=True)  # the next poll meets it at once
        reached = _read_records(page, sightings) or reached
        token = next_token(page, METHOD)
        if not token:
            return History(sightings, _history_id(page))
        if token in tokens:
            raise MalformedAnswer("Gmail's history.list gave the same nextPageToken twice")
        tokens.add(token)
        pages += 1
        if reached == start:
            continue  # there is no place to go on from yet
        history = History(sightings, reached, more=True)
        if pages >= PAGES_A_POLL:
            return history
        yield Checkpoint(so_far(history))


def read_one_page(start: str, size: int) -> Steps[History]:
    """The first page since `start`; its `history_id` is where the following one starts."""
    sightings: dict[str, Sighting] = {}
    page = yield from _page(start, "", size)
    last_id = _read_records(page, sightings)
    if next_token(page, METHOD) and last_id:
        return History(sightings, last_id, more=True)
    return History(sightings, _history_id(page))


def is_safe_id(value: object) -> bool:
    """Whether this can be a Gmail id: it goes into paths, so it must not lead elsewhere."""
    return isinstance(value, str) and SAFE_ID.fullmatch(value) is not None


def _page(start: str, token: str, size: int) -> Steps[dict[str, Any]]:
    query: dict[str, QueryValue] = {"startHistoryId": start, "maxResults": size}
    if token:
        query["pageToken"] = token
    response: Response = yield Request("GET", HISTORY, query, units=UNITS["history.list"])
    if response.status == 404:
        raise HistoryExpiredError
    return response.object()


def _read_records(page: Mapping[str, Any], sightings: dict[str, Sighting]) -> str:
    """Adds what the page's records say to `sightings`; returns the last record's id."""
    record_id = ""
    for record in listed(page, "history", METHOD):
        record_id = text_id(record.get("id"))
        for kind, field_name in (
            (ChangeType.CREATED, "messagesAdded"),
            (ChangeType.UPDATED, "labelsAdded"),
            (ChangeType.UPDATED, "labelsRemoved"),
            (ChangeType.DELETED, "messagesDeleted"),
        ):
            for entry in objects(record, field_name, METHOD):
                sighting = _sighting(entry.get("message"), kind, record_id)
                earlier = sightings.get(sighting.message_id)
                sightings[sighting.message_id] = _later(earlier, sighting)
    return record_id


def _later(earlier: Sighting | None, sighting: Sighting) -> Sighting:
    """Adding and deleting speak louder than labels; of those two the last word counts."""
    if earlier is None or sighting.change_type is not ChangeType.UPDATED:
        return sighting
    if earlier.change_type is ChangeType.DELETED:
        return earlier
    return Sighting(
        sighting.message_id,
        sighting.thread_id or earlier.thread_id,
        sighting.labels,
        sighting.history_id,
        earlier.change_type,
    )


def _sighting(message: object, kind: ChangeType, record_id: str) -> Sighting:
    if not isinstance(message, dict) or not is_safe_id(message.get("id")):
        raise MalformedAnswer("Gmail's history.list names a message without a usable id")
    thread_id = message.get("threadId")
    labels = message.get("labelIds")
    return Sighting(
        message["id"],
        thread_id if isinstance(thread_id, str) else None,
        tuple(str(label) for label in labels) if isinstance(labels, list) else (),
        record_id,
        kind,
    )


def _history_id(answer: Mapping[str, Any]) -> str:
    value = text_id(answer.get("historyId"))
    if not value:
        raise MalformedAnswer("Gmail's answer has no usable historyId")
    return value


def text_id(value: object) -> str:
    """A history id as text, empty when it can be none.

    Gmail writes unsigned 64-bit numbers as JSON text; a number is read too.
    """
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return str(value)
    return value if isinstance(value, str) and is_safe_id(value) else ""
