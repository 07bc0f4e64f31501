"""Fetches changed messages side by side and turns each into a Change.

Rule 1: every wanted message ends in exactly one of `changes`, `unfetched`, `missing`, `unchanged`.
Rule 2: one message that cannot be fetched never keeps another from being fetched.
Rule 3: an authorization that fails ends everything: the whole poll is repeated later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from elements.calls import Change, Changes, ChangeType, Unfetched
from integrations.gmail.history import Sighting, is_safe_id, text_id
from integrations.gmail.units import UNITS
from transport.errors import (
    AnswerTooLarge,
    GrantLost,
    MalformedAnswer,
    NotNow,
    ProviderError,
    TransportError,
)
from transport.types import Checkpoint, Outcome, Request, Response, Steps

MESSAGES = "/gmail/v1/users/me/messages"
FORMAT_KEY = "gmail.message.format"
FORMATS = ("minimal", "metadata", "full", "raw")
DEFAULT_FORMAT = "metadata"
FETCHES_A_POLL = 200  # the rest waits for the next poll, which is due at once
FETCHES_SIDE_BY_SIDE = 50  # Gmail recommends no more
LARGE_FETCHES_SIDE_BY_SIDE = 6  # of messages whole, each of LARGEST_ANSWER at most
LARGEST_ANSWER = 52_428_800  # bytes of JSON: a mail of 39 MB in Base64
LARGEST_FETCH = 50_000_000  # bytes of messages, after which the rest waits for the next poll
DELETED_FINGERPRINT = "deleted"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Fetched:
    """What became of the wanted messages. `changes` is in the order they were wanted in."""

    changes: dict[str, Change] = field(default_factory=dict)
    unfetched: list[Unfetched] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)

    def without(
        self,
        ids: Iterable[str],
        wanted: Mapping[str, ChangeType],
        error: str = "",
        retry_after: float | None = None,
    ) -> Fetched:
        """The same, and those that were not asked for as unfetched."""
        rest = [Unfetched(id_, wanted[id_], error, retry_after) for id_ in ids]
        return replace(self, unfetched=[*self.unfetched, *rest])


def fetch_messages(
    wanted: Mapping[str, ChangeType],
    configuration: Mapping[str, str],
    known: Mapping[str, str] | None = None,
    so_far: Callable[[Fetched], Changes] | None = None,
) -> Steps[Fetched]:
    """Fetches the first FETCHES_A_POLL of `wanted`, fewer when they are large.

    The others come back as unfetched. `so_far` makes the result of a checkpoint before each batch.
    Messages whose fingerprint is equal to that in `known` are left out as unchanged. DELETED among
    `wanted` means: seems to be gone, make sure.
    Raises ProviderError for a 401, and GrantLost.
    """
    fetched = Fetched()
    ids = list(wanted)
    done = size = 0
    side_by_side = _side_by_side(configuration)
    setback: TransportError | None = None
    while done < min(len(ids), FETCHES_A_POLL) and size < LARGEST_FETCH and setback is None:
        if so_far is not None:
            yield Checkpoint(so_far(fetched.without(ids[done:], wanted)))
        batch = ids[done : min(done + side_by_side, FETCHES_A_POLL)]
        done += len(batch)
        outcomes: list[Outcome] = yield [get_request(id_, configuration) for id_ in batch]
        yield from _replace_too_large(batch, outcomes)
        errors = [
            _settle(id_, wanted[id_], outcome, known or {}, fetched)
            for id_, outcome in zip(batch, outcomes, strict=True)
        ]
        setback = _setback(errors)
        size += sum(len(outcome.body) for outcome in outcomes if isinstance(outcome, Response))
    return fetched.without(ids[done:], wanted, *_excuse(setback))


def _replace_too_large(ids: list[str], outcomes: list[Outcome]) -> Steps[None]:
    """Read the headers alone of messages that are too large to be read as they are wanted.

    Asked for as before, they would be too large again at every poll.
    """
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, AnswerTooLarge):
            [answer] = yield [get_request(ids[place], {FORMAT_KEY: "metadata"})]
            outcomes[place] = _marked(answer)


def _marked(outcome: Outcome) -> Outcome:
    """The answer, saying that it isn't the whole message."""
    if not isinstance(outcome, Response) or not outcome.ok:
        return outcome
    try:
        message = {**outcome.object(), "tooLarge": True}
    except TransportError as error:
        return error
    return replace(outcome, body=json.dumps(message).encode())


def get_request(message_id: str, configuration: Mapping[str, str]) -> Request:
    return Request(
        "GET",
        f"{MESSAGES}/{message_id}",
        {"format": message_format(configuration)},
        units=UNITS["messages.get"],
        max_body=LARGEST_ANSWER if _is_whole(configuration) else 0,
    )


def message_format(configuration: Mapping[str, str]) -> str:
    wanted = configuration.get(FORMAT_KEY, "")
    return wanted if wanted in FORMATS else DEFAULT_FORMAT


def _side_by_side(configuration: Mapping[str, str]) -> int:
    return LARGE_FETCHES_SIDE_BY_SIDE if _is_whole(configuration) else FETCHES_SIDE_BY_SIDE


def _is_whole(configuration: Mapping[str, str]) -> bool:
    return message_format(configuration) in {"full", "raw"}


def deleted_change(message_id: str, sighting: Sighting | None = None) -> Change:
    """The change of a message that is gone for good: all that can still be said of it."""
    record: dict[str, Any] = {"id": message_id, "threadId": None, "labelIds": []}
    if sighting is not None:
        record["threadId"] = sighting.thread_id
        record["labelIds"] = list(sighting.labels)
        if sighting.history_id:
            record["historyId"] = sighting.history_id
    record["changeType"] = ChangeType.DELETED.value
    return Change(message_id, ChangeType.DELETED, record, DELETED_FINGERPRINT)


def changed_message(message_id: str, kind: ChangeType, response: Response) -> Change:
    """Raises MalformedAnswer when the answer is not this message."""
    message = response.object()
    labels = message.get("labelIds") or []
    if message.get("id") != message_id or not is_safe_id(message.get("threadId")):
        raise MalformedAnswer("Gmail's messages.get answered with something else than the message")
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise MalformedAnswer("labelIds in Gmail's messages.get is not a list of text")
    record = {**message, "labelIds": labels, "changeType": kind.value}
    return Change(
        message_id,
        kind,
        record,
        fingerprint_of(text_id(message.get("historyId")), labels),
        occurred_at(message.get("internalDate")),
    )


def fingerprint_of(history_id: str, labels: Iterable[str]) -> str:
    """Equal for two sightings of one state: a message's historyId moves with its every change.

    The labels are all that can change on a message; they are there in case the historyId is not.
    https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages
    """
    text = "\n".join(sorted(labels)).encode("utf-8", "surrogatepass")
    return f"history:{history_id}:labels:{sha256(text).hexdigest()[:32]}"


def occurred_at(internal_date: object) -> datetime | None:
    """Reads internalDate: milliseconds since 1970 as text. None when no calendar holds it."""
    try:
        return EPOCH + timedelta(milliseconds=int(str(internal_date)))
    except (ValueError, OverflowError):
        return None


def _settle(
    message_id: str,
    kind: ChangeType,
    outcome: Outcome,
    known: Mapping[str, str],
    fetched: Fetched,
) -> TransportError | None:
    """Puts one outcome where it belongs; returns the error it was put aside for."""
    if isinstance(outcome, Response) and outcome.status == 404:
        if kind is ChangeType.DELETED:
            fetched.changes[message_id] = deleted_change(message_id)
        else:
            fetched.missing.append(message_id)
        return None
    there = ChangeType.UPDATED if kind is ChangeType.DELETED else kind
    try:
        if isinstance(outcome, TransportError):
            raise outcome
        change = changed_message(message_id, there, outcome)
    except GrantLost:
        raise
    except TransportError as error:
        if isinstance(error, ProviderError) and error.status == 401:
            raise
        text, retry_after = _excuse(error)
        fetched.unfetched.append(Unfetched(message_id, kind, text, retry_after))
        return error
    if known.get(message_id) == change.fingerprint:
        fetched.unchanged.append(message_id)
    else:
        fetched.changes[message_id] = change
    return None


def _setback(errors: list[TransportError | None]) -> TransportError | None:
    """The reason to ask for no more now: the quota is used up, or not one answer was of use."""
    for error in errors:
        if isinstance(error, NotNow) or (isinstance(error, ProviderError) and error.is_rate_limit):
            return error
    if len(errors) > 1 and all(errors):
        return errors[-1]
    return None


def _excuse(error: TransportError | None) -> tuple[str, float | None]:
    if error is None:
        return "", None
    if isinstance(error, NotNow):  # no fault of the message: it was never asked for
        return "", error.retry_after
    return str(error), error.retry_after if isinstance(error, ProviderError) else None
