"""Statements that PostgreSQL plans once a connection, asked of libpq itself.

psycopg's cursor takes several times as long for such a statement as PostgreSQL does.

Rule: outside a transaction only. psycopg begins one before the first statement; nobody does here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import generators, pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

# https://www.postgresql.org/docs/current/errcodes-appendix.html: psycopg has had all statements of
# the connection forgotten (it does after DDL and rollbacks), or a table has other columns by now.
STALE = (b"26000", b"0A000")


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
        if result.error_field(pq.DiagnosticField.SQLSTATE) in STALE:
            result = self._execute(self._prepare(statement), given)
        self._check(result, pq.ExecStatus.TUPLES_OK)
        if not result.ntuples:
            return None
        rows = Transformer(self._connection)
        rows.set_pgresult(result)
        return rows.load_row(0, tuple)

    def _prepare(self, statement: str) -> bytes:
        text = statement
        for number in range(1, statement.count("%s") + 1):
            text = text.replace("%s", f"${number}", 1)
        self._made += 1
        name = b"first_row_%d" % self._made
        self._server.send_prepare(name, text.encode())
        self._check(self._result(), pq.ExecStatus.COMMAND_OK)
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
