"""What really happened, from the sandbox's own state file.

A trigger in the file keeps a copy of each history record, which the sandbox itself forgets when
history expires.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEEP = """
CREATE TABLE kept_history (mailbox_id INTEGER, history_id INTEGER, changes TEXT);
CREATE TRIGGER keep_history AFTER INSERT ON history BEGIN
    INSERT INTO kept_history VALUES (NEW.mailbox_id, NEW.history_id, NEW.changes);
END;
"""
ADDED, DELETED = "messagesAdded", "messagesDeleted"


@dataclass
class Story:
    """What happened to one message: (history id, kind) in order, and its labels after each."""

    changes: list[tuple[int, str]] = field(default_factory=list)
    labels: dict[int, frozenset[str]] = field(default_factory=dict)

    @property
    def deleted_at(self) -> int | None:
        """The history id of its end."""
        last_id, kind = self.changes[-1]
        return last_id if kind == DELETED else None


class Ledger:
    """The state file, read beside the sandbox that writes it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def begin(self) -> None:
        with sqlite3.connect(self._file, timeout=30) as connection:
            connection.executescript(KEEP)

    def changes(self) -> int:
        """How many there were so far: a record may hold several."""
        [(count,)] = self._all("SELECT sum(json_array_length(changes)) FROM kept_history")
        return int(count or 0)

    def stories(self) -> dict[str, dict[str, Story]]:
        """{address: {message id: its story}}, of all that changed since the beginning."""
        addresses = dict(self._all("SELECT id, address FROM mailbox"))
        stories: dict[str, dict[str, Story]] = {address: {} for address in addresses.values()}
        for mailbox, history_id, changes in self._records():
            told = stories[addresses[mailbox]]
            for kind, message, _, labels, _ in json.loads(changes):
                story = told.get(message)
                if story is None:
                    story = told[message] = Story()
                story.changes.append((history_id, kind))
                story.labels[history_id] = frozenset(labels)
        return stories

    def kinds(self) -> Mapping[str, int]:
        """How many changes there were of each kind."""
        kinds: Counter[str] = Counter()
        for _, _, changes in self._records():
            kinds.update(change[0] for change in json.loads(changes))
        return kinds

    def states(self) -> dict[str, dict[str, frozenset[str]]]:
        """{address: {message id: labels}} of the mailboxes as they are."""
        found: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        for address, message, labels in self._all(
            "SELECT address, message_id, labels FROM message"
            " JOIN mailbox ON mailbox.id = mailbox_id"
        ):
            found[address][message] = frozenset(labels.split())
        return found

    def heads(self) -> dict[str, str]:
        """{address: where its history stands}."""
        return {
            address: str(history_id)
            for address, history_id in self._all("SELECT address, history_id FROM mailbox")
        }

    def _records(self) -> list[tuple[int, int, str]]:
        return self._all(
            "SELECT mailbox_id, history_id, changes FROM kept_history"
            " ORDER BY mailbox_id, history_id"
        )

    def _all(self, sql: str) -> list[Any]:
        connection = sqlite3.connect(self._file, timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
