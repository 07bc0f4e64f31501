"""Drives the feed of a listing as polls do: a provider that lists in memory, and what is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from elements.calls import Change, Changes, ChangeType, PollCall, PollerEntry
from elements.feed import feed_of
from elements.poller import parse
from elements.types import (
    ApiKey,
    Element,
    Operation,
    Paging,
    PagingKind,
    Parameter,
    Resource,
    Setting,
)
from transport.types import Checkpoint, KnownObjects, Request, Response

Json = dict[str, Any]


def element_of(resource: Resource) -> Element:
    return Element(
        id=1,
        key="notes",
        name="Notes",
        hub="crm",
        description="",
        base_url=Setting("", "http://127.0.0.1:1"),
        authentication=ApiKey(),
        resources=(resource,),
        configuration=(),
    )


NOTES = Resource(
    "notes",
    (
        Operation(
            "GET",
            "/notes",
            "/v1/notes",
            listing=True,
            root_key="notes",
            paging=Paging("limit", "page", kind=PagingKind.PAGE, largest=500),
            parameters=(Parameter("where"), Parameter("since")),
        ),
    ),
)


@dataclass
class Polled:
    """One polled listing. `lists` answers all the records that a query asks for, in their order."""

    entry: Json
    lists: Callable[[Mapping[str, Any]], list[Json]]
    resource: Resource = NOTES
    configuration: dict[str, str] = field(default_factory=dict)
    cursor: str | None = None
    watched_since: datetime | None = None
    known: dict[str, str] = field(default_factory=dict)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    note: str = ""
    polls: int = 0
    hook: Callable[[int], None] | None = None  # called with the number of each page of a poll
    is_cut: Callable[[], bool] = lambda: False  # whether a poll's time is up at a checkpoint

    def poll(self, now: datetime) -> list[tuple[str, str]]:
        """(id, type) of what one poll, and those that follow at once, have to tell."""
        return [(one.object_id, one.change_type.value) for one in self.changes(now)]

    def changes(self, now: datetime) -> list[Change]:
        told: list[Change] = []
        for _ in range(200):
            found = self._once(now)
            told += self._stored(found)
            if not found.more:
                return told
        raise AssertionError("the poll never ends")

    def _once(self, now: datetime) -> Changes:
        entry: PollerEntry = parse({"notes": self.entry}, element_of(self.resource))["notes"]
        feed = feed_of(self.resource)
        assert feed is not None
        steps = feed(
            PollCall(entry, self.cursor, now, self.configuration, watched_since=self.watched_since)
        )
        self.polls += 1
        answer: Any = None
        pages = 0
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as done:
                result: Changes = done.value
                self.watched_since = self.watched_since or now
                return result
            if isinstance(step, Checkpoint):
                if self.is_cut():
                    steps.close()
                    cut: Changes = step.result
                    return cut
                answer = None
            elif isinstance(step, KnownObjects):
                answer = (
                    self.known
                    if step.everything
                    else {id_: self.known[id_] for id_ in step.ids if id_ in self.known}
                )
            elif isinstance(step, Sequence):
                answer = [self._answer(one) for one in step]
            else:
                assert isinstance(step, Request)
                pages += 1
                if self.hook is not None:
                    self.hook(pages)
                answer = self._answer(step)

    def _answer(self, request: Request) -> Response:
        self.asked.append(request.query)
        query = dict(request.query)
        limit, page = int(str(query.pop("limit"))), int(str(query.pop("page")))
        notes = self.lists(query)[(page - 1) * limit : page * limit]
        return Response(200, {}, json.dumps({"notes": notes}).encode())

    def _stored(self, found: Changes) -> list[Change]:
        """As polling.commit: what is known as it is told of is no news."""
        self.cursor, self.note = found.cursor, found.note
        if found.picture is not None:
            self.known = dict(found.picture)
        news = []
        for change in found.changes:
            before = self.known.get(change.object_id)
            if before == change.fingerprint:
                continue
            if change.change_type is ChangeType.DELETED:
                del self.known[change.object_id]
            else:
                self.known[change.object_id] = change.fingerprint
            news.append(change)
        for id_ in found.forgotten:
            self.known.pop(id_, None)
        self.known.update(found.noticed)
        return news
