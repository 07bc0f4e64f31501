"""The SQLite file in which the sandbox keeps everything that must outlive its process.

Every change is committed before the answer leaves, so a `kill -9` loses nothing that a client
was told. (The journal is not synced at each commit: losing power may lose the last seconds.)
One connection, used from one thread only: the one that runs the event loop.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import searched_words

SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE client (
    client_id TEXT PRIMARY KEY,
    secret TEXT,                      -- null: taken from the first token request
    redirect_uris TEXT NOT NULL,      -- JSON list
    any_loopback INTEGER NOT NULL,    -- 1: every redirect URI on a loopback host is accepted
    testing INTEGER NOT NULL          -- 1: the app is in "Testing": refresh tokens die in 7 days
) WITHOUT ROWID;

CREATE TABLE consent (
    client_id TEXT NOT NULL, address TEXT NOT NULL,
    scope TEXT NOT NULL,              -- every scope granted so far, space-joined
    PRIMARY KEY (client_id, address)
) WITHOUT ROWID;

CREATE TABLE code (
    code TEXT PRIMARY KEY, client_id TEXT NOT NULL, address TEXT NOT NULL,
    redirect_uri TEXT NOT NULL, scope TEXT NOT NULL,
    challenge TEXT, challenge_method TEXT,
    refreshable INTEGER NOT NULL,     -- 1: the exchange answers a refresh token
    expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE refresh_token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL, address TEXT NOT NULL,
    scope TEXT NOT NULL, expires_at REAL, revoked INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX refresh_token_grant ON refresh_token (client_id, address, revoked, id);

CREATE TABLE access_token (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL, address TEXT NOT NULL,
    refresh_token_id INTEGER, scope TEXT NOT NULL,
    expires_at REAL NOT NULL, revoked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX access_token_refresh ON access_token (refresh_token_id);
CREATE INDEX access_token_grant ON access_token (client_id, address);

CREATE TABLE mailbox (
    id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE,
    ids_minted INTEGER NOT NULL DEFAULT 0,
    history_steps INTEGER NOT NULL DEFAULT 0,
    history_id INTEGER NOT NULL,
    history_floor INTEGER NOT NULL,   -- a startHistoryId below it is answered 404
    messages_total INTEGER NOT NULL DEFAULT 0,
    threads_total INTEGER NOT NULL DEFAULT 0,
    labels_made INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE label (
    mailbox_id INTEGER NOT NULL, position INTEGER NOT NULL,
    label_id TEXT NOT NULL, name TEXT NOT NULL, system INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, label_id)
) WITHOUT ROWID;

CREATE TABLE message (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox_id INTEGER NOT NULL, message_id TEXT NOT NULL, thread_id TEXT NOT NULL,
    history_id INTEGER NOT NULL, internal_date INTEGER NOT NULL,  -- ms since the epoch
    labels TEXT NOT NULL,             -- ' INBOX UNREAD ': ids between blanks
    snippet TEXT NOT NULL, size INTEGER NOT NULL, mime_type TEXT NOT NULL,
    headers TEXT NOT NULL,            -- JSON list of [name, value] of the top level
    rfc822_id TEXT NOT NULL, has_attachment INTEGER NOT NULL,
    sender_words TEXT NOT NULL, recipient_words TEXT NOT NULL,
    subject_words TEXT NOT NULL, all_words TEXT NOT NULL,         -- ' lower case words '
    poisoned INTEGER NOT NULL DEFAULT 0,
    raw BLOB NOT NULL                 -- last, so that the columns before are read without it
);
CREATE UNIQUE INDEX message_identity ON message (mailbox_id, message_id);
CREATE INDEX message_order ON message (mailbox_id, internal_date, row_id);
CREATE INDEX message_thread ON message (mailbox_id, thread_id, internal_date, row_id);
CREATE INDEX message_rfc822 ON message (mailbox_id, rfc822_id);

CREATE TABLE history (
    mailbox_id INTEGER NOT NULL, history_id INTEGER NOT NULL,
    changes TEXT NOT NULL,            -- JSON, see contents.Change
    PRIMARY KEY (mailbox_id, history_id)
) WITHOUT ROWID;
"""
# What version 2 added: a file of version 1 gets it when it is opened.
_SINCE_2 = """
-- JSON: visibilities and colour
ALTER TABLE label ADD COLUMN look TEXT NOT NULL DEFAULT '{}';

CREATE TABLE draft (
    mailbox_id INTEGER NOT NULL, draft_id TEXT NOT NULL, message_id TEXT NOT NULL,
    PRIMARY KEY (mailbox_id, draft_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX draft_message ON draft (mailbox_id, message_id);

CREATE TABLE mailbox_setting (
    mailbox_id INTEGER NOT NULL,
    kind TEXT NOT NULL,               -- vacation, imap, filters, sendAs …
    key TEXT NOT NULL,                -- of one in a list; '' where there is one alone
    value TEXT NOT NULL,              -- JSON as the API shows it
    position INTEGER NOT NULL,        -- the order of a list
    PRIMARY KEY (mailbox_id, kind, key)
) WITHOUT ROWID;
"""


class StateUnusableError(Exception):
    """The state file is not one that this version of the sandbox can read."""


class Store:
    """The connection; `:memory:` keeps nothing. Raises StateUnusableError for a foreign file."""

    def __init__(self, path: str = ":memory:") -> None:
        if path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        self._connection.row_factory = sqlite3.Row
        searched_words.register(self._connection)
        self._depth = 0
        try:
            self._open_schema(path)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise StateUnusableError(
                f"{path} cannot be used as the sandbox's state: {error}"
            ) from error

    def _open_schema(self, path: str) -> None:
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = NORMAL")
        with self.transaction():
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version == SCHEMA_VERSION:
                return
            foreign = version not in (0, 1)
            if foreign or (version == 0 and self.all("SELECT 1 FROM sqlite_master")):
                raise StateUnusableError(
                    f"{path} was written by something else than this version of the sandbox: "
                    "name another file with --state, or delete it"
                )
            for part in (_SCHEMA, _SINCE_2) if version == 0 else (_SINCE_2,):
                for statement in part.split(";\n"):
                    self.execute(statement)
            self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; an inner one joins the outer one."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Run one statement; returns how many rows it changed."""
        return self._connection.execute(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Sequence[object]) -> int:
        """Run one INSERT; returns the row id that the new row got."""
        return self._connection.execute(sql, parameters).lastrowid or 0

    def one(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """The first row (columns by name), or None."""
        return self._connection.execute(sql, parameters).fetchone()

    def all(self, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Every row, columns by name."""
        return self._connection.execute(sql, parameters).fetchall()

    def setting(self, key: str, default: str) -> str:
        """A value kept by name, or the default."""
        row = self.one("SELECT value FROM setting WHERE key = ?", (key,))
        return default if row is None else str(row["value"])

    def set_setting(self, key: str, value: str) -> None:
        """Keep a value by name."""
        self.execute(
            "INSERT INTO setting (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )

    def close(self) -> None:
        """Close the file; nothing may be asked afterwards."""
        self._connection.close()
