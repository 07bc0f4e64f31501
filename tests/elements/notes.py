"""A provider's records with dates, and the ways in which an entry can have them polled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from elements.date_pattern import format_of

from .polled import Json

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
ISO = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
DATES = {
    "updatedDateField": "updated",
    "updatedDateFormat": ISO,
    "createdDateField": "created",
    "createdDateFormat": ISO,
}
PLAIN: Json = {"url": "/hubs/crm/notes", "idField": "id", "datesConfiguration": DATES}
SINCE: Json = {**PLAIN, "url": f"/hubs/crm/notes?since=${{gmtDate:{ISO}}}"}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def iso(time: datetime) -> str:
    return format_of(ISO).write(time)


class Notes:
    """The provider's records, listed in the order of `sort`, those from `since` on."""

    def __init__(self, sort: str = "-updated") -> None:
        self.sort = sort
        self.notes: dict[str, Json] = {}
        self.version = 0

    def put(self, id_: str, time: datetime, **more: Any) -> None:
        created = self.notes.get(id_, {}).get("created", iso(time))
        self.version += 1
        self.notes[id_] = {
            "id": id_,
            "created": created,
            "updated": iso(time),
            "version": self.version,
            **more,
        }

    def __call__(self, query: Mapping[str, Any]) -> list[Json]:
        since = query.get("since", "")
        found = [note for note in self.notes.values() if str(note["updated"]) >= since]
        if self.sort:
            key = self.sort.lstrip("-")
            found.sort(key=lambda note: str(note.get(key)), reverse=self.sort.startswith("-"))
        return found
