"""A mailbox in memory that answers the feed's requests, so that tests are plain calls.

It follows Google's documentation of history.list, messages.list and messages.get in what the feed
relies on, and can be told to fail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from elements.calls import (
    Changes,
    ChangeType,
    PollCall,
    PollerEntry,
    Reconciliation,
    Unfetched,
)
from integrations.gmail.changed_messages import changed_messages
from transport.errors import AnswerTooLarge, TransportError
from transport.types import (
    Checkpoint,
    KnownObjects,
    ListedObjects,
    Outcome,
    Request,
    Response,
    Steps,
)

T = TypeVar("T")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ENTRY = PollerEntry("changed-messages", "/hubs/general/changed-messages", "id")


def answer(body: object, status: int = 200, **headers: str) -> Response:
    """A response with a JSON body; header names are written with underscores."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, names, json.dumps(body).encode())


def refusal(status: int, reason: str = "", **headers: str) -> Response:
    """An error in Google's JSON form."""
    error = {"code": status, "message": reason, "errors": [{"reason": reason}]}
    return answer({"error": error}, status, **headers)


def poll_call(
    cursor: str | None,
    *,
    unfetched: tuple[Unfetched, ...] = (),
    caught_up_at: datetime | None = NOW - timedelta(minutes=1),
    configuration: Mapping[str, str] | None = None,
) -> PollCall:
    return PollCall(
        entry=ENTRY,
        cursor=cursor,
        started_at=NOW,
        configuration=configuration or {},
        caught_up_at=caught_up_at,
        unfetched=unfetched,
    )


def _place(message: Mapping[str, Any]) -> tuple[int, str]:
    return int(message["internalDate"]), message["id"]


class CutShort(Exception):
    """The poll was given no more time."""


@dataclass
class Mailbox:
    """History ids are numbers here, with gaps; the feed must not know that."""

    history_id: int = 1000
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    expired_before: int = 0
    faults: dict[str, Outcome] = field(default_factory=dict)  # by message id
    too_large: set[str] = field(default_factory=set)  # messages that no answer holds whole
    page_size: int = 500
    requests: list[Request] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)  # sizes of the lists of requests
    labels: set[str] = field(default_factory=set)  # beside those that messages have
    refused_tokens: set[str] = field(default_factory=set)
    checkpoints: list[Changes] = field(default_factory=list)

    # --- what happens to the mailbox ---

    def deliver(self, message_id: str, *labels: str, dated: datetime = NOW) -> None:
        self.messages[message_id] = {
            "id": message_id,
            "threadId": f"t{message_id}",
            "labelIds": list(labels or ("INBOX", "UNREAD")),
            "internalDate": str(int(dated.timestamp() * 1000)),
        }
        self._record(message_id, "messagesAdded")

    def label(self, message_id: str, label: str) -> None:
        self.messages[message_id]["labelIds"].append(label)
        self._record(message_id, "labelsAdded", labelIds=[label])

    def unlabel(self, message_id: str, label: str) -> None:
        self.messages[message_id]["labelIds"].remove(label)
        self._record(message_id, "labelsRemoved", labelIds=[label])

    def delete(self, message_id: str) -> None:
        self._record(message_id, "messagesDeleted")
        del self.messages[message_id]

    def expire(self) -> None:
        self.expired_before = self.history_id + 1
        self.history_id += 11

    def _record(self, message_id: str, kind: str, **more: Any) -> None:
        self.history_id += 7 + len(self.history) % 5
        message = self.messages[message_id]
        message["historyId"] = str(self.history_id)
        named = {name: message[name] for name in ("id", "threadId", "labelIds")}
        named["labelIds"] = list(named["labelIds"])
        self.history.append(
            {
                "id": str(self.history_id),
                "messages": [{"id": message_id, "threadId": message["threadId"]}],
                kind: [{"message": named, **more}],
            }
        )

    # --- what it answers ---

    def reply(self, request: Request) -> Outcome:
        self.requests.append(request)
        assert request.method == "GET"
        assert request.units > 0
        place = request.url.removeprefix("/gmail/v1/users/me/")
        if place == "profile":
            return answer({"emailAddress": "user@example.com", "historyId": str(self.history_id)})
        if place == "history":
            return self._history(request)
        if place == "messages":
            return self._list(request)
        if place == "labels":
            labels = {one for m in self.messages.values() for one in m["labelIds"]}
            return answer({"labels": [{"id": one} for one in sorted(labels | self.labels)]})
        match = re.fullmatch(r"messages/(\w+)", place)
        assert match is not None, place
        return self._get(match[1], str(request.query["format"]))

    def _history(self, request: Request) -> Response:
        start = int(str(request.query["startHistoryId"]))
        if start < self.expired_before:
            return refusal(404, "notFound")
        since = [record for record in self.history if int(record["id"]) > start]
        size = min(self.page_size, int(str(request.query["maxResults"])))
        offset = int(str(request.query.get("pageToken", "0")))
        body: dict[str, Any] = {"historyId": str(self.history_id)}
        if page := since[offset : offset + size]:
            body["history"] = page
        if offset + size < len(since):
            body["nextPageToken"] = str(offset + size)
        return answer(body)

    def _list(self, request: Request) -> Response:
        assert request.query["includeSpamTrash"] == "true"
        if "q" in request.query:
            return refusal(403, "Metadata scope does not support 'q' parameter")
        label = request.query.get("labelIds")
        found = [m for m in self.messages.values() if label is None or label in m["labelIds"]]
        found.sort(key=_place, reverse=True)
        token = str(request.query.get("pageToken", ""))
        if token in self.refused_tokens:
            self.refused_tokens.remove(token)
            return refusal(400, "Invalid pageToken")
        if token:  # a place in the list, which moves with what is deleted before it
            found = [
                m for m in found if _place(m) < (int(token.split("-")[0]), token.split("-")[1])
            ]
        page = found[: self.page_size]
        body: dict[str, Any] = {"resultSizeEstimate": len(found)}
        if page:
            body["messages"] = [{"id": m["id"], "threadId": m["threadId"]} for m in page]
        if self.page_size < len(found):
            body["nextPageToken"] = "{}-{}".format(*_place(page[-1]))
        return answer(body)

    def _get(self, message_id: str, form: str) -> Outcome:
        if message_id in self.too_large and form in ("full", "raw"):
            return AnswerTooLarge(50)
        if message_id in self.faults:
            return self.faults[message_id]
        if message_id not in self.messages:
            return refusal(404, "notFound")
        message = dict(self.messages[message_id])
        if not message["labelIds"]:
            del message["labelIds"]  # Gmail leaves out what is empty
        return answer(message)

    # --- driving a generator against it ---

    def run(
        self,
        steps: Steps[T],
        known: Mapping[str, tuple[str, datetime | None]] = {},
        *,
        most: int | None = None,
        listed: Mapping[str, Sequence[str]] = {},
        aside: Collection[str] = (),
    ) -> T:
        """Runs the steps to their end. `known` holds fingerprint and date by object id, `listed`
        the tags of those that a reconciliation has listed, `aside` the ids that wait.

        Raises CutShort after `most` steps.
        """
        reply: Any = None
        done = 0
        try:
            while True:
                step = steps.send(reply)
                if done == most:
                    steps.close()
                    raise CutShort
                done += 1
                if isinstance(step, KnownObjects):
                    reply = {id_: "" for id_ in step.ids if step.put_aside and id_ in aside}
                    reply |= {
                        id_: fingerprint
                        for id_, (fingerprint, at) in known.items()
                        if id_ in step.ids or (at and step.since and at >= step.since)
                    }
                elif isinstance(step, ListedObjects):
                    rows = sorted(
                        (id_, (fingerprint, tuple(listed[id_]) if id_ in listed else None))
                        for id_, (fingerprint, _) in known.items()
                        if id_ > step.after and fingerprint != "deleted"
                    )
                    reply = dict(rows[: step.most])
                elif isinstance(step, Checkpoint):
                    self.checkpoints.append(step.result)
                    reply = None
                elif isinstance(step, Request):
                    reply = self.reply(step)
                    if isinstance(reply, TransportError):
                        steps.throw(reply)
                else:
                    self.lists.append(len(step))
                    reply = [self.reply(request) for request in step]
        except StopIteration as end:
            result: T = end.value
            return result

    def asked(self, place: str) -> list[Request]:
        """The requests to one place, such as "history" or "messages/m1"."""
        return [r for r in self.requests if r.url == f"/gmail/v1/users/me/{place}"]


@dataclass
class Watched:
    """A polled mailbox, with what the platform stores of its polls."""

    mailbox: Mailbox
    cursor: str
    caught_up_at: datetime | None = NOW
    watched_since: datetime | None = None
    aside: dict[str, Unfetched] = field(default_factory=dict)
    pausing: bool = False  # what is put aside is not due again
    known: dict[str, tuple[str, datetime | None]] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    reconciliation: Reconciliation | None = None
    told: list[tuple[str, ChangeType, str]] = field(default_factory=list)

    def poll(self, most: int | None = None) -> Changes | None:
        """Polls and stores; with `most` steps perhaps to the last checkpoint only, or nothing."""
        self.mailbox.checkpoints.clear()
        call = PollCall(
            entry=ENTRY,
            cursor=self.cursor,
            started_at=NOW + timedelta(milliseconds=len(self.mailbox.requests)),
            caught_up_at=self.caught_up_at,
            watched_since=self.watched_since,
            unfetched=() if self.pausing else tuple(self.aside.values()),
            reconciliation=self.reconciliation,
        )
        try:
            found = self.mailbox.run(
                changed_messages(call), self.known, most=most, listed=self.listed, aside=self.aside
            )
        except CutShort:
            if not self.mailbox.checkpoints:
                return None
            found = self.mailbox.checkpoints[-1]
        self.store(found, call.started_at)
        return found

    def poll_on(self) -> list[Changes]:
        """Polls until nothing more is to be found at once."""
        polls: list[Changes] = []
        while not polls or polls[-1].more or any(not one.error for one in self.aside.values()):
            found = self.poll()
            assert found is not None
            polls.append(found)
            assert len(polls) < 500, "it does not end"
        return polls

    def store(self, found: Changes, polled_at: datetime) -> None:
        """What a poll's commit does: equal fingerprints are dropped, the rest is told."""
        settled = [change.object_id for change in found.changes]
        settled += [*found.missing, *found.unchanged]
        places = [*settled, *(one.object_id for one in found.unfetched)]
        assert len(places) == len(set(places)), "each object ends in one place"
        if not self.pausing:
            assert set(self.aside) <= set(places), "nothing that was put aside is forgotten"
        for change in found.changes:
            before = self.known.get(change.object_id, ("", None))[0]
            if before == change.fingerprint:
                continue
            kind = change.change_type
            if kind is ChangeType.CREATED and before not in ("", "deleted"):
                kind = ChangeType.UPDATED
            self.told.append((change.object_id, kind, change.fingerprint))
            self.known[change.object_id] = (change.fingerprint, change.occurred_at)
        still = {id_: one for id_, one in self.aside.items() if id_ not in places}
        self.aside = still | {one.object_id: one for one in found.unfetched}
        self.cursor = found.cursor
        state = found.reconciliation
        if state is not None and (state.finished or state.started_at == polled_at):
            self.listed = {}
        for tag, ids in found.listed.items():
            for id_ in ids:
                if not tag and self.known.get(id_, ("deleted", None))[0] != "deleted":
                    self.listed.setdefault(id_, [])
                elif tag and id_ in self.listed and tag not in self.listed[id_]:
                    self.listed[id_].append(tag)
        self.reconciliation = None if state is None or state.finished else state

    def news(self) -> list[tuple[str, str]]:
        """(id, kind) of all that was told since the last time."""
        told, self.told = self.told, []
        return [(id_, kind.value) for id_, kind, _ in told]


def waiting(message_id: str, kind: ChangeType = ChangeType.CREATED) -> Unfetched:
    return Unfetched(message_id, kind)
