"""Finds out what is at the other end of a connection: PostgreSQL itself, or a pooler before it.

A pooler in transaction mode lends another session for each transaction, so that a prepared
statement is gone, or another client's, a moment later. PgBouncer keeps them from 1.21 on where
max_prepared_statements is not 0: https://www.pgbouncer.org/config.html#max_prepared_statements.
No setting of ours can know that for all hosts; the connection can.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import generators, pq

PROBE_NAME = b"periodic_probe"
PROBE = b"SELECT 'which name does PostgreSQL know this by?'"
NAME_OF_PROBE = (
    b"SELECT name FROM pg_prepared_statements"
    b" WHERE statement LIKE 'SELECT ''which name does PostgreSQL%'"
)


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Ask for the server's process: a pooler has told the client of another one."""
    return int(_ask(connection, b"SELECT pg_backend_pid()")) != connection.pgconn.backend_pid


def keeps_prepared_statements(connection: psycopg.Connection[Any]) -> bool | None:
    """Return whether statements that are prepared on the connection are there later.

    Behind a pooler they are, where it gives them names of its own. None stands for a pooler that
    cannot be asked now, within a transaction. Raises psycopg's errors.
    """
    if not is_pooled(connection):
        return True
    if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
        return None
    _ask(connection, b"BEGIN")  # one session for the next statements
    try:
        connection.pgconn.send_prepare(PROBE_NAME, PROBE)
        _result(connection)
        if _ask(connection, NAME_OF_PROBE) != PROBE_NAME:
            return True
        _ask(connection, b"DEALLOCATE " + PROBE_NAME)
    except psycopg.errors.DuplicatePreparedStatement:
        pass  # somebody's, who was killed before he took it away
    finally:
        if not connection.closed:
            _ask(connection, b"ROLLBACK")
    return False


def _ask(connection: psycopg.Connection[Any], statement: bytes) -> bytes:
    connection.pgconn.send_query(statement)
    result = _result(connection)
    return (result.get_value(0, 0) or b"") if result.ntuples else b""


def _result(connection: psycopg.Connection[Any]) -> pq.abc.PGresult:
    results: list[pq.abc.PGresult] = connection.wait(generators.execute(connection.pgconn))
    if results[0].status == pq.ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(results[0])
    return results[0]
