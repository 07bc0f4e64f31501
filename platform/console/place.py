"""Where a page of several tables' rows in one list goes on: below the last one that was shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from console.paging import number

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """The larger, the newer: its time, the number of its table, its id.

    So rows of the same moment are neither passed over nor shown twice.
    """

    at: datetime
    table: int
    id: int

    @classmethod
    def read(cls, text: str) -> Place | None:
        """Of an address; None for what is none."""
        numbers = [number(part) for part in text.split("-")]
        match numbers:
            case [int(microseconds), int(table), int(key)]:
                try:
                    return cls(BEGINNING + timedelta(microseconds=microseconds), table, key)
                except OverflowError:
                    return None
        return None

    def __str__(self) -> str:
        return f"{(self.at - BEGINNING) // timedelta(microseconds=1)}-{self.table}-{self.id}"
