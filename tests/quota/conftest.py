from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from quota import bucket
from quota.purse import Purse

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
STATEMENTS = ("DRAW", "BEGIN", "CLOSE", "USED", "FORGET")


class World:
    """The time, as PostgreSQL and the processes count it; both move only when a test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._statements = {name: getattr(bucket, name) for name in STATEMENTS}
        self.seconds = 0.0
        self.at(0)

    def at(self, seconds: float) -> None:
        """So many seconds after START."""
        self.seconds = seconds
        self.postgres_says(START + timedelta(seconds=seconds))

    def postgres_says(self, moment: datetime) -> None:
        said = f"timestamptz '{moment.isoformat()}'"
        for name, statement in self._statements.items():
            self._patch.setattr(bucket, name, statement.replace("clock_timestamp()", said))

    def purse(self) -> Purse:
        """A process of its own."""
        return Purse(lambda: self.seconds)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, db: None) -> World:
    return World(monkeypatch)
