"""GitHub's lists with canned answers, and what polls of them come to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from elements.calls import Changes, PollCall, PollerEntry
from integrations.github import change_feed, objects
from integrations.github.sandbox.world import Json
from transport.types import KnownObjects, Request, Response

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
REPOSITORY = re.compile("/repos/[^/]+/[^/]+")
Answer = Callable[[Request], Response]


def answer(
    records: Any, *, etag: str = "", more: Mapping[str, Any] | None = None, status: int = 200
) -> Response:
    headers = {"etag": etag} if etag else {}
    if more is not None:
        query = "&".join(f"{name}={value}" for name, value in more.items())
        headers["link"] = f'<https://api.github.com/x?{query}>; rel="next"'
    return Response(status, headers, json.dumps(records).encode())


@dataclass
class Polled:
    """One polled list. `github` answers requests; what is told is remembered."""

    name: str
    github: Answer
    repository: str = "octocat/hello-world"
    cursor: str | None = None
    watched_since: datetime | None = None
    known: dict[str, str] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def poll(self) -> Changes:
        call = PollCall(
            PollerEntry(self.name, f"/hubs/collaboration/{self.name}", "id"),
            self.cursor,
            NOW,
            {"github.repository": self.repository},
            watched_since=self.watched_since,
        )
        steps = change_feed.changes(objects.LISTS[self.name], call)
        try:
            step = next(steps)
            while True:
                if isinstance(step, KnownObjects):
                    known = {id_: self.known[id_] for id_ in step.ids if id_ in self.known}
                    step = steps.send(known)
                elif isinstance(step, Request) and REPOSITORY.fullmatch(step.url):
                    step = steps.send(answer({"id": step.url}))  # each name is a repository
                else:
                    assert isinstance(step, Request)
                    self.asked.append(step)
                    step = steps.send(self.github(step))
        except StopIteration as done:
            found: Changes = done.value
        self.cursor = found.cursor
        if found.picture is not None:
            self.known = dict(found.picture)
        self.known |= {change.object_id: change.fingerprint for change in found.changes}
        return found

    def told(self) -> list[tuple[str, str]]:
        """(id, kind) of all that polls find until there is no more."""
        told: list[tuple[str, str]] = []
        while True:
            found = self.poll()
            told += [(one.object_id, one.change_type.value) for one in found.changes]
            if not found.more:
                return told


def issue(number: int, second: int, *, made: int | None = None, **more: Any) -> Json:
    """One that was changed at that second of the hour, and made then too, or at `made`."""
    return {
        "id": 1000 + number,
        "number": number,
        "created_at": at(second if made is None else made),
        "updated_at": at(second),
        **more,
    }


def at(second: int) -> str:
    return datetime.fromtimestamp(NOW.timestamp() + second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
