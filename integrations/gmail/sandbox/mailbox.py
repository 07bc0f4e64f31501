"""Mailboxes: messages, labels and the history of their changes. No HTTP here.

Rule 1: every change of a message happens in this file, and writes its history record in the same
transaction, with one new history id that the changed messages take over.
Rule 2: history ids grow, with gaps that nobody can foresee but the seed.
Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from . import mime
from .clock import Clock
from .contents import (
    SYSTEM_LABELS,
    Change,
    HistoryExpiredError,
    Label,
    NoSuchLabelError,
    NoSuchMailboxError,
    NoSuchMessageError,
    Overview,
    Record,
    StoredMessage,
)
from .search import Where
from .store import Store

MAX_GAP = 40  # history ids left out between two changes, at most

_COLUMNS = (
    "row_id, message_id, thread_id, history_id, internal_date, labels, snippet, size, mime_type,"
    " headers, poisoned"
)
_ADDRESS = re.compile(r"[^\s@/<>\"'\x00]{1,64}@[^\s@/<>\"'\x00]{1,190}")


class Mailboxes:
    """All mailboxes of the sandbox. `seed` makes ids and gaps the same in every run."""

    def __init__(self, store: Store, clock: Clock, seed: str) -> None:
        self.store = store
        self.clock = clock
        self.seed = seed

    def create(self, address: str) -> "Mailbox":
        """Open the mailbox, making it where it isn't there yet. Raises ValueError."""
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"address: {address!r} is not a mail address")
        address = address.lower()
        start = 1_000 + self.number(address, "start", 0) % 900_000
        with self.store.transaction():
            made = self.store.execute(
                "INSERT INTO mailbox (address, history_id, history_floor) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (address, start, start),
            )
            mailbox = self.open(address)
            if made:
                for position, label in enumerate(SYSTEM_LABELS):
                    self.store.execute(
                        "INSERT INTO label VALUES (?, ?, ?, ?, 1)",
                        (mailbox.key, position, label, label),
                    )
        return mailbox

    def open(self, address: str) -> "Mailbox":
        """Raises NoSuchMailboxError."""
        row = self.store.one(
            "SELECT id, address FROM mailbox WHERE address = ?", (address.lower(),)
        )
        if row is None:
            raise NoSuchMailboxError(address)
        return Mailbox(self, row["id"], row["address"])

    def addresses(self) -> list[str]:
        """Every address, in the order of creation."""
        return [row["address"] for row in self.store.all("SELECT address FROM mailbox ORDER BY id")]

    def number(self, address: str, purpose: str, step: int) -> int:
        """A number of 60 bits that only the seed foretells."""
        digest = hashlib.sha256(f"{self.seed}\0{address}\0{purpose}\0{step}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 4


class Mailbox:
    """One mailbox."""

    def __init__(self, mailboxes: Mailboxes, key: int, address: str) -> None:
        self._all = mailboxes
        self._store = mailboxes.store
        self.key = key
        self.address = address

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

    def labels(self) -> list[Label]:
        """Labels of the system first, then the user's in the order of creation."""
        rows = self._store.all(
            "SELECT * FROM label WHERE mailbox_id = ? ORDER BY position", (self.key,)
        )
        return [Label(row["label_id"], row["name"], bool(row["system"])) for row in rows]

    def label_totals(self, label_id: str) -> dict[str, int]:
        """Messages and threads with the label, and how many of them are unread."""
        row = self._store.one(
            "SELECT count(*) AS messages, count(DISTINCT thread_id) AS threads,"
            " coalesce(sum(instr(labels, ' UNREAD ') > 0), 0) AS unread,"
            " count(DISTINCT CASE WHEN instr(labels, ' UNREAD ') > 0 THEN thread_id END) AS tunread"
            " FROM message WHERE mailbox_id = ? AND instr(labels, ?) > 0",
            (self.key, f" {label_id} "),
        )
        return {
            "messagesTotal": row["messages"],
            "messagesUnread": row["unread"],
            "threadsTotal": row["threads"],
            "threadsUnread": row["tunread"],
        }

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
            labels = self._known(label_ids)
            message_id = self._mint_id()
            if thread_id is not None and not self.thread(thread_id):
                raise NoSuchMessageError(thread_id)
            thread = thread_id or self._thread_of(reading.references) or message_id
            fresh = thread == message_id
            history_id = self._record(
                [Change("messagesAdded", message_id, thread, labels)],
                messages=1,
                threads=int(fresh),
            )
            date = self._all.clock.now_ms() if internal_date is None else internal_date
            self._store.insert(
                "INSERT INTO message (mailbox_id, message_id, thread_id, history_id, internal_date,"
                " labels, snippet, size, mime_type, headers, rfc822_id, has_attachment,"
                " sender_words, recipient_words, subject_words, all_words, raw)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self.key, message_id, thread, history_id, date, _packed(labels),
                    reading.snippet, len(raw), reading.mime_type, json.dumps(reading.headers),
                    reading.rfc822_id, int(reading.has_attachment), reading.sender_words,
                    reading.recipient_words, reading.subject_words, reading.all_words, raw,
                ),
            )  # fmt: skip
            return self.message(message_id)

    def relabel(
        self, message_ids: Iterable[str], add: Sequence[str], remove: Sequence[str]
    ) -> list[StoredMessage]:
        """Change labels of messages at one history id; a message that has them so is left alone.

        Raises NoSuchMessageError and NoSuchLabelError, changing nothing.
        """
        with self._store.transaction():
            added, removed = self._known(add), self._known(remove)
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

    def create_label(self, name: str) -> Label:
        """The label with this id or name, made as the user's where there is none."""
        for label in self.labels():
            if name in (label.label_id, label.name):
                return label
        if not name.strip() or len(name) > 225 or "\0" in name:
            raise ValueError("label: a name has 1 to 225 characters")
        with self._store.transaction():
            self._store.execute(
                "UPDATE mailbox SET labels_made = labels_made + 1 WHERE id = ?", (self.key,)
            )
            made = self._store.one("SELECT labels_made FROM mailbox WHERE id = ?", (self.key,))[0]
            label = Label(f"Label_{made}", name, system=False)
            self._store.execute(
                "INSERT INTO label VALUES (?, ?, ?, ?, 0)",
                (self.key, len(SYSTEM_LABELS) + made, label.label_id, name),
            )
        return label

    def _known(self, label_ids: Sequence[str]) -> tuple[str, ...]:
        wanted = tuple(dict.fromkeys(label_ids))
        if all(label in SYSTEM_LABELS for label in wanted):
            return wanted
        known = {label.label_id for label in self.labels()}
        for label in wanted:
            if label not in known:
                raise NoSuchLabelError(label)
        return wanted

    def _thread_of(self, references: Sequence[str]) -> str | None:
        for reference in reversed(references[-20:]):
            row = self._store.one(
                "SELECT thread_id FROM message WHERE mailbox_id = ? AND rfc822_id = ?",
                (self.key, reference),
            )
            if row is not None:
                return str(row["thread_id"])
        return None

    def _mint_id(self) -> str:
        self._store.execute(
            "UPDATE mailbox SET ids_minted = ids_minted + 1 WHERE id = ?", (self.key,)
        )
        minted = self._store.one("SELECT ids_minted FROM mailbox WHERE id = ?", (self.key,))[0]
        return f"1{self._all.number(self.address, 'message', minted):015x}"

    def _next_history_id(self) -> int:
        row = self._store.one(
            "SELECT history_id, history_steps FROM mailbox WHERE id = ?", (self.key,)
        )
        step = row["history_steps"] + 1
        gap = self._all.number(self.address, "gap", step) % MAX_GAP
        history_id = int(row["history_id"]) + 1 + gap
        self._store.execute(
            "UPDATE mailbox SET history_id = ?, history_steps = ? WHERE id = ?",
            (history_id, step, self.key),
        )
        return history_id

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
