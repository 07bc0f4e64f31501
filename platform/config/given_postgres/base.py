"""The database backend `config.given_postgres`: Django's, over the server of DATABASE_URL."""

from __future__ import annotations

import select
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper

from config import process
from config.given_postgres.connection import Connection, Gate
from config.given_postgres.limits import CONNECTION
from config.given_postgres.pooling import keeps_prepared_statements
from config.given_postgres.prepared import PreparedCursor, PreparedStatements

IDLE = psycopg.pq.TransactionStatus.IDLE
IN_TRANSACTION = psycopg.pq.TransactionStatus.INTRANS


class DatabaseWrapper(base.DatabaseWrapper):
    # psycopg as Django's backend uses it, with connections that wait only so long.
    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": Connection.connect})
    _gate = Gate()  # of the process
    _prepared: PreparedStatements | None = None
    _asked: psycopg.Connection[Any] | None = None  # whether it keeps prepared statements

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters; those that DATABASE_URL names win."""
        given = super().get_connection_params()
        name = f"periodic {process.kind()}".strip()
        return {**CONNECTION, "application_name": name, **given}

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        with self._gate.passing():
            connection = super().get_new_connection(conn_params)
            connection.set_limits_of_session()
            return connection

    def is_usable(self) -> bool:
        """Whether the connection still stands; asks the server only where that is in doubt.

        Django asks once in each request, which costs as much as a query. A server that ends a
        connection closes its socket, which then has something to be read, as it has at no other
        time between two requests but for notices.
        """
        return _is_quiet(self.connection) or super().is_usable()

    def first_row(self, statement: str, parameters: Sequence[str | int | None]) -> Any:
        """The first row that a statement finds, None without one. PostgreSQL plans it once a
        connection, where the other end keeps prepared statements; for few, in constant text.

        Whoever counts or wraps queries sees it, for then it goes by a cursor.
        """
        connection = self._connection_that_was_asked()
        if (
            connection.prepare_threshold is None
            or self.in_atomic_block
            or not connection.autocommit
            or self.queries_logged
            or self.execute_wrappers
        ):
            with self.prepared_cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchone()
        if self._prepared is None or not self._prepared.belong_to(connection):
            self._prepared = PreparedStatements(connection)
        with self.wrap_database_errors:
            return self._prepared.first_row(statement, parameters)

    def prepared_cursor(self) -> CursorWrapper:
        """A cursor whose statements PostgreSQL plans once a connection, where the other end keeps
        prepared statements. Django's own cursors write parameters into the text, which then is
        another statement each time. For statements of which there are few, in constant text.
        """
        cursor: Any = PreparedCursor(self._connection_that_was_asked())
        return self.make_debug_cursor(cursor) if self.queries_logged else self.make_cursor(cursor)

    def _connection_that_was_asked(self) -> psycopg.Connection[Any]:
        """The connection; its `prepare_threshold` is None where nothing may be prepared."""
        self.ensure_connection()
        connection: psycopg.Connection[Any] | None = self.connection
        assert connection is not None  # noqa: S101 - just made sure of
        if self._asked is not connection:
            with self.wrap_database_errors:
                kept = keeps_prepared_statements(connection)
            connection.prepare_threshold = 0 if kept else None
            self._asked = connection if kept is not None else None
        return connection


def _is_quiet(connection: psycopg.Connection[object] | None) -> bool:
    if connection is None or connection.closed:
        return False
    if connection.info.transaction_status not in (IDLE, IN_TRANSACTION):
        return False  # one that has failed is of no more use to who is in it
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)
