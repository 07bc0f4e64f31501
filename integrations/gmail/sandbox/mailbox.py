"""Mailboxes: messages, labels and the history of their changes. No HTTP here.

Rule 1: every change of a message happens in this file, and writes its history record in the same
transaction, with one new history id that the changed messages take over.
Rule 2: history ids grow, with gaps that nobody can foresee but the seed.
Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from . import mime
from .clock import Clock
from .contents import (
    Change,
    HistoryExpiredError,
    NoSuchMessageError,
    Overview,
    Record,
    StoredMessage,
)
from .labels import Labels
from .search import Where
from .store import Store

MAX_GAP = 40  # history ids left out between two changes, at most

# A number of 60 bits for (address, purpose, step), which only the seed foretells.
Number = Callable[[str, str, int], int]
# Is told of each change: address and new history id, within the transaction.
Changed = Callable[[str, int], None]
_COLUMNS = (
    "row_id, message_id, thread_id, history_id, internal_date, labels, snippet, size, mime_type,"
    " headers, poisoned"
)


class Mailbox:
    """One mailbox."""

    def __init__(
        self, store: Store, clock: Clock, number: Number, key: int, address: str, changed: Changed
    ) -> None:
        self._store = store
        self._clock = clock
        self._number = number
        self._changed = changed
        self.key = key
        self.address = address
        self.labels = Labels(store, key)

    # Reading

    def overview(self) -> Overview:
        """Totals and the current history id."""
        row = self._store.one("SELECT * FROM mailbox WHERE id = ?", (self.key,))
        return Overview(
            row["address"], row["history_id"], row["history_floor"],
            row["messages_total"], row["threads_total"],
        )  # fmt: skip

    def message(self, message_id: str) -> StoredMessage:
        """Raises NoSuchMessageError."""
        row = self._store.one(
            f"SELECT {_COLUMNS} FROM message WHERE mailbox_id = ? AND message_id = ?",  # noqa: S608 constant columns
            (self.key, message_id),
        )
        if row is None:
            raise NoSuchMessageError(message_id)
        return _message(row)

    def raw(self, message: StoredMessage) -> bytes:
        """The mail's bytes."""
        row = self._store.one("SELECT raw FROM message WHERE row_id = ?", (message.row_id,))
        return bytes(row["raw"])

    def thread(self, thread_id: str) -> list[StoredMessage]:
        """The messages of a thread, oldest first; empty where there is no such thread."""
        rows = self._store.all(
            f"SELECT {_COLUMNS} FROM message WHERE mailbox_id = ? AND thread_id = ?"  # noqa: S608 constant columns
            " ORDER BY internal_date, row_id",
            (self.key, thread_id),
        )
        return [_message(row) for row in rows]

    def search(
        self, where: Where, limit: int, after: tuple[int, int] | None, *, threads: bool = False
    ) -> list[StoredMessage]:
        """Matching messages, newest first, from below the (internal_date, row_id) `after`.

        With `threads`, only the newest matching message of each thread.
        """
        sql = [f"SELECT {_COLUMNS} FROM message m WHERE m.mailbox_id = ? AND {where.sql('m')}"]  # noqa: S608 values are bound
        bound: list[object] = [self.key, *where.values]
        if after is not None:
            sql.append("AND (m.internal_date, m.row_id) < (?, ?)")
            bound += after
        if threads:
            sql += [
                "AND NOT EXISTS (SELECT 1 FROM message n WHERE n.mailbox_id = m.mailbox_id",
                "AND n.thread_id = m.thread_id",
                "AND (n.internal_date, n.row_id) > (m.internal_date, m.row_id) AND",
                where.sql("n"),
                ")",
            ]
            bound += where.values
        sql.append("ORDER BY m.internal_date DESC, m.row_id DESC LIMIT ?")
        return [_message(row) for row in self._store.all(" ".join(sql), [*bound, limit])]

    def history(self, start: int, after: int) -> Iterator[Record]:
        """Records above both ids, in order.

        Raises HistoryExpiredError for a `start` that is too old, or was never issued.
        """
        overview = self.overview()
        if not overview.history_floor <= start <= overview.history_id:
            raise HistoryExpiredError(start)
        last = max(start, after)
        while True:
            rows = self._store.all(
                "SELECT history_id, changes FROM history WHERE mailbox_id = ? AND history_id > ?"
                " ORDER BY history_id LIMIT 500",
                (self.key, last),
            )
            for row in rows:
                last = row["history_id"]
                yield Record(last, tuple(_change(item) for item in json.loads(row["changes"])))
            if len(rows) < 500:
                return

    # Changing

    def add(
        self,
        raw: bytes,
        label_ids: Sequence[str],
        *,
        internal_date: int | None = None,
        thread_id: str | None = None,
    ) -> StoredMessage:
        """Put a mail into the mailbox.

        Raises NoSuchLabelError, and NoSuchMessageError for a thread that isn't there.

        `internal_date` (milliseconds) is now where it isn't given. Without `thread_id`, the mail
        joins the thread of a mail that it refers to, or starts one named by its own id.
        """
        reading = mime.read(raw)
        with self._store.transaction():
            labels = self.labels.known(label_ids)
            message_id = f"1{self.mint('message'):015x}"
            if thread_id is not None and not self.thread(thread_id):
                raise NoSuchMessageError(thread_id)
            thread = thread_id or self._thread_of(reading.references) or message_id
            fresh = thread == message_id
            history_id = self._record(
                [Change("messagesAdded", message_id, thread, labels)],
                messages=1,
                threads=int(fresh),
            )
            date = self._clock.now_ms() if internal_date is None else internal_date
            self._insert(message_id, thread, history_id, date, labels, reading, raw)
            return self.message(message_id)

    def add_many(
        self, mails: Sequence[tuple[bytes, mime.Reading, int]], label_ids: Sequence[str]
    ) -> list[str]:
        """Put mails in at one history id, each in a thread of its own; returns their ids.

        A mail is its bytes, what they say and its internal date. Raises NoSuchLabelError.
        """
        with self._store.transaction():
            labels = self.labels.known(label_ids)
            ids = [f"1{self.mint('message'):015x}" for _ in mails]
            history_id = self._record(
                [Change("messagesAdded", one, one, labels) for one in ids],
                messages=len(ids),
                threads=len(ids),
            )
            for message_id, (raw, reading, date) in zip(ids, mails, strict=True):
                self._insert(message_id, message_id, history_id, date, labels, reading, raw)
        return ids

    def relabel(
        self, message_ids: Iterable[str], add: Sequence[str], remove: Sequence[str]
    ) -> list[StoredMessage]:
        """Change labels of messages at one history id; a message that has them so is left alone.

        Raises NoSuchMessageError and NoSuchLabelError, changing nothing.
        """
        with self._store.transaction():
            added, removed = self.labels.known(add), self.labels.known(remove)
            before = [self.message(message_id) for message_id in dict.fromkeys(message_ids)]
            changes: list[Change] = []
            moved: list[tuple[int, tuple[str, ...]]] = []
            for message in before:
                gets = tuple(label for label in added if label not in message.label_ids)
                loses = tuple(label for label in removed if label in message.label_ids)
                if not gets and not loses:
                    continue
                now = (*(label for label in message.label_ids if label not in loses), *gets)
                moved.append((message.row_id, now))
                identity = (message.message_id, message.thread_id, now)
                if gets:
                    changes.append(Change("labelsAdded", *identity, gets))
                if loses:
                    changes.append(Change("labelsRemoved", *identity, loses))
            if changes:
                history_id = self._record(changes)
                for row_id, now in moved:
                    self._store.execute(
                        "UPDATE message SET labels = ?, history_id = ? WHERE row_id = ?",
                        (_packed(now), history_id, row_id),
                    )
            return [self.message(message.message_id) for message in before]

    def trash(self, message_id: str) -> StoredMessage:
        """To the trash: the message gets TRASH and leaves the inbox. Raises NoSuchMessageError."""
        return self.relabel([message_id], ["TRASH"], ["INBOX"])[0]

    def untrash(self, message_id: str) -> StoredMessage:
        """Out of the trash, into no other place. Raises NoSuchMessageError."""
        return self.relabel([message_id], [], ["TRASH"])[0]

    def delete(self, message_ids: Iterable[str]) -> None:
        """Delete for good, at one history id. Raises NoSuchMessageError, deleting nothing."""
        with self._store.transaction():
            gone = [self.message(message_id) for message_id in dict.fromkeys(message_ids)]
            for message in gone:
                self._store.execute("DELETE FROM message WHERE row_id = ?", (message.row_id,))
                self._store.execute(
                    "DELETE FROM draft WHERE mailbox_id = ? AND message_id = ?",
                    (self.key, message.message_id),
                )
            emptied = {m.thread_id for m in gone if not self.thread(m.thread_id)}
            if gone:
                self._record(
                    [
                        Change("messagesDeleted", m.message_id, m.thread_id, m.label_ids)
                        for m in gone
                    ],
                    messages=-len(gone),
                    threads=-len(emptied),
                )

    def delete_label(self, label_id: str) -> None:
        """Take a label away, off every message that has it. Raises NoSuchLabelError."""
        with self._store.transaction():
            rows = self._store.all(
                "SELECT message_id FROM message WHERE mailbox_id = ? AND instr(labels, ?) > 0",
                (self.key, f" {label_id} "),
            )
            self.relabel([row["message_id"] for row in rows], [], [label_id])
            self.labels.remove(label_id)

    def poison(self, message_id: str, *, poisoned: bool) -> None:
        """Let every read of this message fail, or heal it. Raises NoSuchMessageError."""
        self._store.execute(
            "UPDATE message SET poisoned = ? WHERE row_id = ?",
            (int(poisoned), self.message(message_id).row_id),
        )

    def expire_history(self) -> int:
        """Let no id issued so far be valid as a start any more; returns the new current id."""
        with self._store.transaction():
            history_id = self._next_history_id()
            self._store.execute(
                "UPDATE mailbox SET history_floor = ? WHERE id = ?", (history_id, self.key)
            )
            self._store.execute("DELETE FROM history WHERE mailbox_id = ?", (self.key,))
        return history_id

    def _thread_of(self, references: Sequence[str]) -> str | None:
        for reference in reversed(references[-20:]):
            row = self._store.one(
                "SELECT thread_id FROM message WHERE mailbox_id = ? AND rfc822_id = ?",
                (self.key, reference),
            )
            if row is not None:
                return str(row["thread_id"])
        return None

    def mint(self, purpose: str) -> int:
        """A fresh number for an id."""
        self._store.execute(
            "UPDATE mailbox SET ids_minted = ids_minted + 1 WHERE id = ?", (self.key,)
        )
        minted = self._store.one("SELECT ids_minted FROM mailbox WHERE id = ?", (self.key,))[0]
        return self._number(self.address, purpose, minted)

    def _next_history_id(self) -> int:
        row = self._store.one(
            "SELECT history_id, history_steps FROM mailbox WHERE id = ?", (self.key,)
        )
        step = row["history_steps"] + 1
        gap = self._number(self.address, "gap", step) % MAX_GAP
        history_id = int(row["history_id"]) + 1 + gap
        self._store.execute(
            "UPDATE mailbox SET history_id = ?, history_steps = ? WHERE id = ?",
            (history_id, step, self.key),
        )
        return history_id

    def _insert(
        self, message_id: str, thread_id: str, history_id: int, internal_date: int,
        labels: Sequence[str], reading: mime.Reading, raw: bytes,
    ) -> None:  # fmt: skip
        self._store.execute(
            "INSERT INTO message (mailbox_id, message_id, thread_id, history_id, internal_date,"
            " labels, snippet, size, mime_type, headers, rfc822_id, has_attachment,"
            " sender_words, recipient_words, subject_words, all_words, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.key, message_id, thread_id, history_id, internal_date, _packed(labels),
                reading.snippet, len(raw), reading.mime_type, json.dumps(reading.headers),
                reading.rfc822_id, int(reading.has_attachment), reading.sender_words,
                reading.recipient_words, reading.subject_words, reading.all_words, raw,
            ),
        )  # fmt: skip

    def _record(self, changes: Sequence[Change], messages: int = 0, threads: int = 0) -> int:
        history_id = self._next_history_id()
        items = [
            [c.kind, c.message_id, c.thread_id, c.label_ids, c.changed_label_ids] for c in changes
        ]
        self._store.execute(
            "INSERT INTO history VALUES (?, ?, ?)", (self.key, history_id, json.dumps(items))
        )
        if messages or threads:
            self._store.execute(
                "UPDATE mailbox SET messages_total = messages_total + ?,"
                " threads_total = threads_total + ? WHERE id = ?",
                (messages, threads, self.key),
            )
        self._changed(self.address, history_id)
        return history_id


def _packed(label_ids: Sequence[str]) -> str:
    return f" {' '.join(label_ids)} "


def _message(row: Any) -> StoredMessage:
    return StoredMessage(
        row["row_id"], row["message_id"], row["thread_id"], row["history_id"],
        row["internal_date"], tuple(row["labels"].split()), row["snippet"], row["size"],
        row["mime_type"], row["headers"], bool(row["poisoned"]),
    )  # fmt: skip


def _change(item: Any) -> Change:
    kind, message_id, thread_id, label_ids, changed = item
    return Change(kind, message_id, thread_id, tuple(label_ids), tuple(changed))
