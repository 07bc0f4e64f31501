"""Compares a whole mailbox with what is known of it, a bounded part of it a poll.

Rule 1: what is asked is what the metadata scope may ask: lists without `q`, and messages.
Rule 2: nothing is told of a message that was not asked for: a list that differs from what is known
        is a reason to ask. So nothing false comes of lists that move while they are read.
Rule 3: the place moves past a page or a message once it ended in `changes`, `unfetched`, `missing`
        or `unchanged`, or turned out to be no news.

Theory of operation. The history is read on from an id that was current before the first list, so
what changes meanwhile is told by it. Then:

1. `ids`: all messages are listed, spam and trash too. One that is not known is asked for, and
   CREATED when it is dated in the window. The list is newest first: once as many as a batch in a
   row are older than the window, no more are asked for.
2. `labels`: the messages of each label are listed, so that the labels of each are known.
3. `compare`: a known message that is not listed, or whose labels differ, is asked for. Gone means
   DELETED; another fingerprint means UPDATED.

It cannot know of a message that came and went within the gap, of one that was given a date before
the window, of what happened to one that no event has told of, and of labels that came and went.

https://developers.google.com/workspace/gmail/api/guides/sync
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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
from integrations.gmail.page import listed, next_token
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
MAX_RESTARTS = 3  # a poll, of a list whose page token is refused
EVERYTHING = ""  # in place of a label
NOT_TOLD = {None, "", DELETED_FINGERPRINT}  # to be there: unknown, put aside, gone


def begun(call: PollCall, now: str) -> Reconciliation:
    """The one that begins when Gmail no longer knows the cursor; the history goes on at `now`.

    One that is under way begins again. Of a gap that is not closed yet the window stays.
    """
    since = (call.caught_up_at or call.started_at) - MARGIN
    if call.watched_since is not None:  # mail of before the watch began is no news
        since = max(since, call.watched_since)
    since = min(since, call.started_at)  # a clock was wrong
    cursor, before = call.cursor or "", call.reconciliation
    if before is not None:
        since = min(since, before.since)
        if before.reason is ReconciliationReason.EXPIRED:
            cursor = before.cursor
    return Reconciliation(ReconciliationReason.EXPIRED, since, call.started_at, cursor, now)


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
    restarts: int = 0
    mentioned: set[str] = field(default_factory=set)  # what this poll tells of anyway
    doubted: set[str] = field(default_factory=set)  # of what waits: seems to be gone

    def __post_init__(self) -> None:
        self.place = dict(self.state.place)
        self.counts = dict(self.state.counts)
        self.mentioned.update(one.object_id for one in self.found.changes)
        self.mentioned.update(one.object_id for one in self.found.unfetched)
        self.mentioned.update(self.found.unchanged)

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
        told = {change.object_id for change in self.changes}
        return replace(
            self.found,
            changes=(*self.found.changes, *self.changes),
            unfetched=(*map(self._waiting, self.found.unfetched), *self.unfetched),
            missing=tuple(id_ for id_ in self.found.missing if id_ not in told),
            unchanged=(*self.found.unchanged, *self.unchanged),
            more=not self.finished,
            gap=Gap(state.since, state.started_at) if self.finished and expired else None,
            reconciliation=state,
            listed={tag: tuple(ids) for tag, ids in self.listed.items()},
        )

    def _waiting(self, one: Unfetched) -> Unfetched:
        if one.object_id not in self.doubted:
            return one
        return replace(one, change_type=ChangeType.DELETED)


# --- Which messages there are ------------------------------------------------------------------


def _ids(part: Part) -> Steps[None]:
    for _ in range(LISTS_A_POLL):
        ids, token = yield from _page(part, EVERYTHING)
        known: Mapping[str, str] = yield KnownObjects(tuple(ids), put_aside=True)
        unknown = [id_ for id_ in ids if id_ not in known and id_ not in part.mentioned]
        if not part.place.get("window_closed") and not (yield from _news(part, unknown)):
            return
        seen = [id_ for id_ in ids if known.get(id_) not in NOT_TOLD]
        new = {change.object_id for change in part.changes}.intersection(ids)
        part.listed.setdefault(EVERYTHING, []).extend((*seen, *new))
        part.count(listed=len(ids), known=len(seen))
        part.place["token"] = token
        if not token:
            none = not part.counts["known"] and not part.counts.get("created")
            part.place = {"phase": "compare" if none else "labels"}
            return
        yield part.checkpoint()


def _news(part: Part, unknown: list[str]) -> Steps[bool]:
    """Tells which of these are new, the newest first; whether nothing of them is left to ask.

    `passed` are those of the page that turned out to be old, `old` how many in a row.
    """
    passed, old = part.place.pop("passed", []), part.place.get("old", 0)
    unknown = [id_ for id_ in unknown if id_ not in passed]
    while unknown:
        if part.fetches >= FETCHES_A_POLL:
            part.place["passed"] = passed
            return False
        batch, unknown = unknown[:FETCHES_SIDE_BY_SIDE], unknown[FETCHES_SIDE_BY_SIDE:]
        fetched: Fetched = yield from fetch_messages(
            dict.fromkeys(batch, ChangeType.CREATED), part.call.configuration
        )
        part.fetches += len(batch)
        part.mentioned.update(batch)
        dated = list(fetched.changes.values())
        new = [one for one in dated if _in_window(one.occurred_at, part.state.since)]
        passed = [*passed, *(one.object_id for one in dated if one not in new)]
        old = part.place["old"] = 0 if new else old + len(dated)
        failed = [one for one in fetched.unfetched if one.error]
        if failed and not dated and len(batch) > 1:
            raise ProviderUnreachable(failed[0].error)
        part.take(reversed(new), _perhaps_new(batch, failed, passed))
        if len(fetched.unfetched) > len(failed):  # some were not even asked for
            part.place["passed"] = passed
            return False
        if old >= FETCHES_SIDE_BY_SIDE:
            part.place["window_closed"] = True
            return True
    return True


def _perhaps_new(
    batch: list[str], failed: list[Unfetched], passed: Collection[str]
) -> Iterator[Unfetched]:
    """Those that failed and stand before any that is old. Their date says later what they are."""
    waiting = {one.object_id: one for one in failed}
    for id_ in batch:
        if id_ in passed:
            return
        if id_ in waiting:
            yield replace(waiting[id_], change_type=ChangeType.UPDATED)


def _in_window(dated: datetime | None, since: datetime) -> bool:
    return dated is None or dated >= since


# --- Which labels they have --------------------------------------------------------------------


def _labels(part: Part) -> Steps[None]:
    if "labels" not in part.place:
        response: Response = yield Request("GET", LABELS, units=UNITS["labels.list"])
        labels = listed(response.object(), "labels", "labels.list")
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
        elif tags is None:
            part.doubted.add(id_)
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
        if token and part.restarts < MAX_RESTARTS:
            part.restarts += 1
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
    for message in listed(page, "messages", "messages.list"):
        if not is_safe_id(message.get("id")):
            raise MalformedAnswer("Gmail's messages.list names a message without a usable id")
        ids.append(message["id"])
    following = next_token(page, "messages.list")
    if following and following == token:
        raise MalformedAnswer("Gmail's messages.list gave the same nextPageToken twice")
    return ids, following
