"""Statements that PostgreSQL plans once a connection, asked of libpq itself.

psycopg's cursor takes several times as long for such a statement as PostgreSQL does.

Rule 1: outside a transaction only. psycopg begins one before the first statement; nobody does here.
Rule 2: a statement's name is made of its text, or of a number that no other connection has, so that
no client is answered what another one asked, whatever pooler lends them the same session.
Rule 3: a statement that is gone as soon as it was prepared is asked without preparing, and so are
all that follow on the connection: somebody lends us another session each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import psycopg
from psycopg import generators, pq
from psycopg.adapt import Transformer
from psycopg.errors import (
    DuplicatePreparedStatement,
    InvalidSqlStatementName,
    error_from_result,
)

# https://www.postgresql.org/docs/current/errcodes-appendix.html: psycopg has had all statements of
# the connection forgotten (it does after DDL and rollbacks), or a table has other columns by now.
UNKNOWN = b"26000"
STALE = (UNKNOWN, b"0A000")
KNOWN_ALREADY = b"42P05"


class PreparedCursor(psycopg.Cursor[Any]):
    """A cursor of psycopg's whose statement is asked without preparing where it was lost."""

    def execute(self, *given: Any, **named: Any) -> Self:
        """Execute as psycopg does. Raises InvalidSqlStatementName within a transaction only."""
        try:
            return super().execute(*given, **named)
        except (InvalidSqlStatementName, DuplicatePreparedStatement):
            self.connection.prepare_threshold = None
            if self.connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                raise
        return super().execute(*given, **named)


class PreparedStatements:
    """Those of one connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._server = connection.pgconn
        self._names: dict[str, bytes] = {}
        self._made = 0

    def belong_to(self, connection: psycopg.Connection[Any]) -> bool:
        return self._connection is connection

    def first_row(self, statement: str, parameters: Sequence[str | int | None]) -> Any:
        """The first row that was found, as psycopg's cursor has it; None without one.

        `statement` has a `%s` for each parameter and no other `%`; its text is constant. Raises
        psycopg's errors.
        """
        given: Any = [None if one is None else str(one).encode() for one in parameters]
        if (name := self._names.get(statement)) is None:
            name = self._prepare(statement)
        result = self._execute(name, given)
        if _code(result) in STALE:
            result = self._execute(self._prepare(statement), given)
        if _code(result) == UNKNOWN:
            self._connection.prepare_threshold = None
            self._server.send_query_params(_numbered(statement), given)
            result = self._result()
        self._check(result, pq.ExecStatus.TUPLES_OK)
        if not result.ntuples:
            return None
        rows = Transformer(self._connection)
        rows.set_pgresult(result)
        return rows.load_row(0, tuple)

    def _prepare(self, statement: str) -> bytes:
        text = _numbered(statement)
        self._made += 1
        digest = hashlib.sha256(text).hexdigest()[:32]
        name = f"first_row_{digest}_{self._made}".encode()
        self._server.send_prepare(name, text)
        result = self._result()
        if _code(result) != KNOWN_ALREADY:
            self._check(result, pq.ExecStatus.COMMAND_OK)
        self._names[statement] = name
        return name

    def _execute(self, name: bytes, parameters: Any) -> pq.abc.PGresult:
        self._server.send_query_prepared(name, parameters)
        return self._result()

    def _result(self) -> pq.abc.PGresult:
        """What was sent is waited for as the connection waits for all: no longer than its limit."""
        results: list[pq.abc.PGresult] = self._connection.wait(generators.execute(self._server))
        return results[0]

    def _check(self, result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
        if result.status == wanted:
            return
        if self._server.status != pq.ConnStatus.OK:
            raise psycopg.OperationalError(result.get_error_message())
        raise error_from_result(result)


def _code(result: pq.abc.PGresult) -> bytes | None:
    return result.error_field(pq.DiagnosticField.SQLSTATE)


def _numbered(statement: str) -> bytes:
    text = statement
    for number in range(1, statement.count("%s") + 1):
        text = text.replace("%s", f"${number}", 1)
    return text.encode()
