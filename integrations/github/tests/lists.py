"""GitHub's lists in memory, as the feed asks for them; something may happen between two pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256

from integrations.github.sandbox.world import Json
from integrations.github.tests.asked import answer, at
from transport.types import Request, Response


class Listed:
    """Records by number. `meanwhile` is called after each page."""

    def __init__(self) -> None:
        self.records: dict[int, Json] = {}
        self.second = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.statuses: list[int] = []
        self.clock: int | None = None  # the second of the hour that its answers say it is

    def change(self, number: int) -> None:
        """Makes it, or changes it again."""
        record = self.records.setdefault(
            number, {"number": number, "id": number, "created_at": at(self.second), "version": 0}
        )
        record |= {"updated_at": at(self.second), "version": record["version"] + 1}

    def __call__(self, request: Request) -> Response:
        query = request.query
        since = str(query.get("since", ""))
        found = [one for one in self.records.values() if one["updated_at"] >= since]
        newest_first = query["direction"] == "desc"
        found.sort(key=lambda one: (one["updated_at"], one["number"]), reverse=newest_first)
        size, page = int(str(query["per_page"])), int(str(query.get("page", 1)))
        more = {**query, "page": page + 1} if len(found) > size * page else None
        records = found[size * (page - 1) : size * page]
        etag = sha256(json.dumps([records, more, [*query.items()]]).encode()).hexdigest()
        response = answer(records, etag=etag, more=more)
        if request.headers.get("If-None-Match") == etag:
            response = Response(304, {"etag": etag}, b"")
        if self.clock is not None:
            date = format_datetime(datetime.fromisoformat(at(self.clock)), usegmt=True)
            response = replace(response, headers={**response.headers, "date": date})
        self.statuses.append(response.status)
        self.meanwhile()
        return response
