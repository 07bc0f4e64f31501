"""The settings of one mailbox, kept as the API shows them.

A kind is either one value (`vacation`) or a list of them by key (`filters`).
"""

import json
from collections.abc import Mapping
from typing import Any

from .store import Store

Json = dict[str, Any]

# What a mailbox has that nobody has set anything in.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "vacation": {"enableAutoReply": False, "restrictToContacts": False, "restrictToDomain": False},
    "autoForwarding": {"enabled": False},
    "imap": {
        "enabled": True, "autoExpunge": True, "expungeBehavior": "archive", "maxFolderSize": 0,
    },
    "pop": {"accessWindow": "disabled", "disposition": "leaveInInbox"},
}  # fmt: skip


class MailboxSettings:
    """The settings of the mailbox with this key."""

    def __init__(self, store: Store, mailbox_key: int) -> None:
        self._store = store
        self._key = mailbox_key

    def value(self, kind: str) -> Json:
        """The one value of this kind."""
        return self.item(kind, "") or dict(DEFAULTS[kind])

    def item(self, kind: str, key: str) -> Json | None:
        """One of a list, None where it isn't there."""
        row = self._store.one(
            "SELECT value FROM mailbox_setting WHERE mailbox_id = ? AND kind = ? AND key = ?",
            (self._key, kind, key),
        )
        return None if row is None else dict(json.loads(row["value"]))

    def items(self, kind: str) -> list[Json]:
        """The whole list, in the order of creation."""
        rows = self._store.all(
            "SELECT value FROM mailbox_setting WHERE mailbox_id = ? AND kind = ? ORDER BY position",
            (self._key, kind),
        )
        return [dict(json.loads(row["value"])) for row in rows]

    def put(self, kind: str, value: Mapping[str, Any], key: str = "") -> Json:
        """Keep a value in the place of the one with this key."""
        self._store.execute(
            "INSERT INTO mailbox_setting (mailbox_id, kind, key, value, position) VALUES"
            " (?, ?, ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM mailbox_setting))"
            " ON CONFLICT (mailbox_id, kind, key) DO UPDATE SET value = excluded.value",
            (self._key, kind, key, json.dumps(value)),
        )
        return dict(value)

    def remove(self, kind: str, key: str) -> bool:
        """Take one out of a list; False where it wasn't there."""
        return bool(
            self._store.execute(
                "DELETE FROM mailbox_setting WHERE mailbox_id = ? AND kind = ? AND key = ?",
                (self._key, kind, key),
            )
        )
