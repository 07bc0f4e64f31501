"""Compares a whole mailbox with what is known of it, a bounded part of it a poll.

Rule 1: what is asked is what the metadata scope may ask: lists without `q`, and messages.
Rule 2: nothing is told of a message that was not asked for: a list that differs from what is known
        is a reason to ask. So nothing false comes of lists that move while they are read.
Rule 3: the place moves past a page or a message once it ended in `changes`, `unfetched`, `missing`
        or `unchanged`, or turned out to be no news.

Theory of operation. The history is read on from an id that was current before the first list, so
what changes meanwhile is told by it. Then:

1. `ids`: all messages are listed, spam and trash too. One that is not known is asked for, and
   CREATED when it is dated in the window. The list is newest first: once a whole batch is older
   than the window, no more are asked for.
2. `labels`: the messages of each label are listed, so that the labels of each are known.
3. `compare`: a known message that is not listed, or whose labels differ, is asked for. Gone means
   DELETED; another fingerprint means UPDATED.

It cannot know of a message that came and went within the gap, of one that was given a date before
the window, of what happened to one that no event has told of, and of labels that came and went.

https://developers.google.com/workspace/gmail/api/guides/sync
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from elements.calls import (
    Change,
    Changes,
    ChangeType,
    Gap,
    PollCall,
    Reconciliation,
    ReconciliationReason,
    Unfetched,
)
from integrations.gmail.history import is_safe_id
from integrations.gmail.messages import (
    DELETED_FINGERPRINT,
    FETCHES_A_POLL,
    FETCHES_SIDE_BY_SIDE,
    MESSAGES,
    Fetched,
    fetch_messages,
    fingerprint_of,
)
from integrations.gmail.page import next_token, objects
from integrations.gmail.units import UNITS
from transport.errors import MalformedAnswer, ProviderError, ProviderUnreachable
from transport.types import (
    Checkpoint,
    KnownObjects,
    ListedObjects,
    QueryValue,
    Request,
    Response,
    Steps,
)

MARGIN = timedelta(hours=1)  # mail is dated by its sender's side and may be listed late
LABELS = "/gmail/v1/users/me/labels"
IDS_A_PAGE = 500  # the most that Gmail gives
LISTS_A_POLL = 20
COMPARED_A_POLL = 5_000
MAX_RESTARTS = 3  # of one list whose page token is refused
EVERYTHING = ""  # in place of a label


def begun(call: PollCall) -> Reconciliation:
    """The one that begins when Gmail no longer knows the cursor."""
    since = (call.last_success_at or call.started_at) - MARGIN
    if call.watched_since is not None:  # mail of before the watch began is no news
        since = max(since, call.watched_since)
    since = min(since, call.started_at)  # a clock was wrong
    if call.reconciliation is not None:
        since = min(since, call.reconciliation.since)
    return Reconciliation(ReconciliationReason.EXPIRED, since, call.started_at, call.cursor or "")


def reconcile(call: PollCall, found: Changes, state: Reconciliation) -> Steps[Changes]:
    """Takes `state` a part further, after a poll that found `found`; both together.

    Raises MalformedAnswer, ProviderError and ProviderUnreachable.
    """
    part = Part(call, found, state)
    phase = part.place.get("phase", "ids")
    if phase == "ids":
        yield from _ids(part)
    elif phase == "labels":
        yield from _labels(part)
    else:
        yield from _compare(part)
    return part.result()


@dataclass(slots=True)
class Part:
    """What one poll adds. `place` and `counts` are those of the state, moved on."""

    call: PollCall
    found: Changes
    state: Reconciliation
    place: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    unfetched: list[Unfetched] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    listed: dict[str, list[str]] = field(default_factory=dict)
    finished: bool = False
    fetches: int = 0
    mentioned: set[str] = field(default_factory=set)  # what this poll tells of anyway

    def __post_init__(self) -> None:
        self.place = dict(self.state.place)
        self.counts = dict(self.state.counts)
        self.mentioned.update(one.object_id for one in self.found.changes)
        self.mentioned.update(one.object_id for one in self.found.unfetched)
        self.mentioned.update(self.found.missing, self.found.unchanged)

    def count(self, **more: int) -> None:
        for name, number in more.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def take(self, changes: Iterable[Change], unfetched: Iterable[Unfetched]) -> None:
        """Tells of these, and counts them."""
        for change in changes:
            self.changes.append(change)
            self.count(**{change.change_type.value.lower(): 1})
        for one in unfetched:
            self.unfetched.append(one)
            self.count(deferred=1)

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.result())

    def result(self) -> Changes:
        state = replace(
            self.state, place=dict(self.place), counts=dict(self.counts), finished=self.finished
        )
        expired = state.reason is ReconciliationReason.EXPIRED
        return replace(
            self.found,
            changes=(*self.found.changes, *self.changes),
            unfetched=(*self.found.unfetched, *self.unfetched),
            unchanged=(*self.found.unchanged, *self.unchanged),
            more=not self.finished,
            gap=Gap(state.since, state.started_at) if self.finished and expired else None,
            reconciliation=state,
            listed={tag: tuple(ids) for tag, ids in self.listed.items()},
        )


# --- Which messages there are ------------------------------------------------------------------


def _ids(part: Part) -> Steps[None]:
    for _ in range(LISTS_A_POLL):
        ids, token = yield from _page(part, EVERYTHING)
        known: Mapping[str, str] = yield KnownObjects(tuple(ids))
        unknown = [id_ for id_ in ids if id_ not in known and id_ not in part.mentioned]
        if not part.place.get("window_closed") and not (yield from _news(part, unknown)):
            return
        seen = [id_ for id_ in ids if known.get(id_, DELETED_FINGERPRINT) != DELETED_FINGERPRINT]
        part.listed.setdefault(EVERYTHING, []).extend(seen)
        part.count(listed=len(ids), known=len(seen))
        part.place["token"] = token
        if not token:
            part.place = {"phase": "labels" if part.counts["known"] else "compare"}
            return
        yield part.checkpoint()


def _news(part: Part, unknown: list[str]) -> Steps[bool]:
    """Tells which of these are new, the newest first; whether nothing of them is left to ask."""
    while unknown:
        if part.fetches >= FETCHES_A_POLL:
            return False
        batch, unknown = unknown[:FETCHES_SIDE_BY_SIDE], unknown[FETCHES_SIDE_BY_SIDE:]
        fetched: Fetched = yield from fetch_messages(
            dict.fromkeys(batch, ChangeType.CREATED), part.call.configuration
        )
        part.fetches += len(batch)
        part.mentioned.update(batch)
        dated = list(fetched.changes.values())
        new = [one for one in dated if _in_window(one.occurred_at, part.state.since)]
        failed = [one for one in fetched.unfetched if one.error]
        if failed and not dated and len(batch) > 1:
            raise ProviderUnreachable(failed[0].error)
        # Without one that could be read, nothing says that the window ends before these.
        part.take(reversed(new), failed if new or not dated else ())
        if len(fetched.unfetched) > len(failed):
            return False  # some were not even asked for
        if dated and not new:
            part.place["window_closed"] = True
            return True
    return True


def _in_window(dated: datetime | None, since: datetime) -> bool:
    return dated is None or dated >= since


# --- Which labels they have --------------------------------------------------------------------


def _labels(part: Part) -> Steps[None]:
    if "labels" not in part.place:
        response: Response = yield Request("GET", LABELS, units=UNITS["labels.list"])
        labels = objects(response.object(), "labels", "labels.list")
        if not all(is_safe_label(one.get("id")) for one in labels):
            raise MalformedAnswer("Gmail's labels.list names a label without a usable id")
        part.place["labels"] = [one["id"] for one in labels]
        part.count(labels=len(labels))
    for _ in range(LISTS_A_POLL):
        if not part.place["labels"]:
            part.place = {"phase": "compare"}
            return
        label = part.place["labels"][0]
        ids, token = yield from _page(part, label)
        part.listed.setdefault(label, []).extend(ids)
        part.place["token"] = token
        if not token:
            part.place["labels"] = part.place["labels"][1:]
            part.place.pop("restarts", None)
        yield part.checkpoint()


def is_safe_label(value: object) -> bool:
    """Whether this can be a label's id."""
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


# --- What differs ------------------------------------------------------------------------------


def _compare(part: Part) -> Steps[None]:
    after = part.place.get("after", "")
    rows: Mapping[str, tuple[str, tuple[str, ...] | None]]
    rows = yield ListedObjects(after, COMPARED_A_POLL)
    asked: dict[str, str] = {}
    compared = 0
    for id_, (fingerprint, tags) in rows.items():
        if id_ not in part.mentioned and (tags is None or not _has(fingerprint, tags)):
            if len(asked) >= FETCHES_A_POLL:
                break
            asked[id_] = fingerprint
        after = id_
        compared += 1
    else:
        part.finished = len(rows) < COMPARED_A_POLL
    part.place["after"] = after
    fetched: Fetched = yield from fetch_messages(
        dict.fromkeys(asked, ChangeType.DELETED), part.call.configuration, asked
    )
    part.count(compared=compared, asked=len(asked))
    part.take(fetched.changes.values(), fetched.unfetched)
    part.unchanged += fetched.unchanged


def _has(fingerprint: str, labels: Iterable[str]) -> bool:
    """Whether a message of this fingerprint has these labels."""
    return fingerprint.rpartition(":")[2] == fingerprint_of("", labels).rpartition(":")[2]


# --- One page of a list ------------------------------------------------------------------------


def _page(part: Part, label: str) -> Steps[tuple[list[str], str]]:
    """The ids on the next page of all messages, or of those of a label, and the token after it.

    A label that was removed meanwhile is refused, has none, and is counted. A page token that Gmail
    refuses begins the list again: what was listed already is listed twice, to no effect.
    """
    query: dict[str, QueryValue] = {"includeSpamTrash": "true", "maxResults": IDS_A_PAGE}
    if label:
        query["labelIds"] = label
    token = part.place.get("token", "")
    if token:
        query["pageToken"] = token
    response: Response = yield Request("GET", MESSAGES, query, units=UNITS["messages.list"])
    if response.status in (400, 404):
        restarts = part.place.get("restarts", 0)
        if token and restarts < MAX_RESTARTS:
            part.place["restarts"] = restarts + 1
            part.place["token"] = ""
            if not label:
                part.counts |= {"listed": 0, "known": 0}
            return (yield from _page(part, label))
        if label and not token:
            part.count(refusedLabels=1)
            return [], ""
        raise ProviderError.of(response.status, response.headers, response.body)
    page = response.object()
    ids = []
    for message in objects(page, "messages", "messages.list"):
        if not is_safe_id(message.get("id")):
            raise MalformedAnswer("Gmail's messages.list names a message without a usable id")
        ids.append(message["id"])
    following = next_token(page, "messages.list")
    if following and following == token:
        raise MalformedAnswer("Gmail's messages.list gave the same nextPageToken twice")
    return ids, following
