"""The labels of one mailbox: their names and how they look. Which message has which: `mailbox`.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .contents import SYSTEM_LABELS, Label, LabelNameTakenError, NoSuchLabelError
from .store import Store

LONGEST_NAME = 225  # characters


class Labels:
    """The labels of the mailbox with this key."""

    def __init__(self, store: Store, mailbox_key: int) -> None:
        self._store = store
        self._key = mailbox_key

    def all(self) -> list[Label]:
        """Labels of the system first, then the user's in the order of creation."""
        rows = self._store.all(
            "SELECT * FROM label WHERE mailbox_id = ? ORDER BY position", (self._key,)
        )
        return [
            Label(row["label_id"], row["name"], bool(row["system"]), json.loads(row["look"]))
            for row in rows
        ]

    def one(self, label_id: str) -> Label:
        """Raises NoSuchLabelError."""
        for label in self.all():
            if label.label_id == label_id:
                return label
        raise NoSuchLabelError(label_id)

    def known(self, label_ids: Sequence[str]) -> tuple[str, ...]:
        """These ids, each once. Raises NoSuchLabelError."""
        wanted = tuple(dict.fromkeys(label_ids))
        if all(label in SYSTEM_LABELS for label in wanted):
            return wanted
        there = {label.label_id for label in self.all()}
        for label in wanted:
            if label not in there:
                raise NoSuchLabelError(label)
        return wanted

    def totals(self, label_id: str) -> dict[str, int]:
        """Messages and threads with the label, and how many of them are unread."""
        row = self._store.one(
            "SELECT count(*) AS messages, count(DISTINCT thread_id) AS threads,"
            " coalesce(sum(instr(labels, ' UNREAD ') > 0), 0) AS unread,"
            " count(DISTINCT CASE WHEN instr(labels, ' UNREAD ') > 0 THEN thread_id END) AS tunread"
            " FROM message WHERE mailbox_id = ? AND instr(labels, ?) > 0",
            (self._key, f" {label_id} "),
        )
        return {
            "messagesTotal": row["messages"],
            "messagesUnread": row["unread"],
            "threadsTotal": row["threads"],
            "threadsUnread": row["tunread"],
        }

    def find_or_create(self, name: str) -> Label:
        """The label with this id or name, made as the user's where there is none.

        Raises ValueError and LabelNameTakenError.
        """
        for label in self.all():
            if name in (label.label_id, label.name):
                return label
        return self.create(name, {})

    def create(self, name: str, look: Mapping[str, Any]) -> Label:
        """A new label of the user's. Raises ValueError and LabelNameTakenError."""
        self._check_name(name, but="")
        with self._store.transaction():
            self._store.execute(
                "UPDATE mailbox SET labels_made = labels_made + 1 WHERE id = ?", (self._key,)
            )
            made = self._store.one("SELECT labels_made FROM mailbox WHERE id = ?", (self._key,))[0]
            label = Label(f"Label_{made}", name, system=False, look=dict(look))
            self._store.execute(
                "INSERT INTO label (mailbox_id, position, label_id, name, system, look)"
                " VALUES (?, ?, ?, ?, 0, ?)",
                (self._key, len(SYSTEM_LABELS) + made, label.label_id, name, json.dumps(look)),
            )
        return label

    def change(self, label_id: str, name: str, look: Mapping[str, Any]) -> Label:
        """Rename a label and give it this look.

        Raises NoSuchLabelError, ValueError and LabelNameTakenError.
        """
        self.one(label_id)
        self._check_name(name, but=label_id)
        self._store.execute(
            "UPDATE label SET name = ?, look = ? WHERE mailbox_id = ? AND label_id = ?",
            (name, json.dumps(look), self._key, label_id),
        )
        return self.one(label_id)

    def remove(self, label_id: str) -> None:
        """Take the label out of the list. Raises NoSuchLabelError."""
        self.one(label_id)
        self._store.execute(
            "DELETE FROM label WHERE mailbox_id = ? AND label_id = ?", (self._key, label_id)
        )

    def _check_name(self, name: str, but: str) -> None:
        if not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
            raise ValueError(f"label: a name has 1 to {LONGEST_NAME} characters")
        if name.upper() in SYSTEM_LABELS:
            raise ValueError(f"label: {name} is the name of a label of Gmail's own")
        for label in self.all():
            if label.name.lower() == name.lower() and label.label_id != but:
                raise LabelNameTakenError(name)
