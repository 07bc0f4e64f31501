"""A connection of psycopg's which waits for the server only so long.

Rule 1: a statement that takes too long is cancelled. A server that works answers that with an error
(57014), and the connection goes on.
Rule 2: a server that does not answer to that either is given up: the connection is closed, and the
error is that of a lost connection.
Rule 3: a server that took no connection in time is not waited for by all others in turn. For some
seconds they fail at once, so that the threads of a web server stay free.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors, generators, pq, waiting
from psycopg.abc import PQGen

from config.given_postgres.limits import SESSION, statement_limit

T = TypeVar("T")
INTERVAL = 0.1  # seconds between two looks at signals, as psycopg has it
CANCEL_WITHIN = 2.0  # seconds that the server has to take a request to cancel
END_WITHIN = 3.0  # seconds that it then has to end the statement
FIRST_WITHIN = 15.0  # seconds for a new connection's first answer; a pooler may let it queue
REST = 2.0  # seconds after a connection that was not answered


class Connection(psycopg.Connection[Any]):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        # psycopg numbers its prepared statements from 0. Behind a pooler that nobody recognised,
        # another client's would be taken for ours.
        self._prepared._prepared_idx = secrets.randbits(60)

    def set_limits_of_session(self, within: float = FIRST_WITHIN) -> None:
        """Have the server end what it holds for us when we vanish, in one round trip.

        For a new connection. Raises ConnectionTimeout after so many seconds, as where a pooler has
        taken the connection and PostgreSQL does not; else psycopg's errors.
        """
        settings = "; ".join(f"SET {name} = {value}" for name, value in SESSION.items())
        self.pgconn.send_query(settings.encode())
        try:
            results = super().wait(generators.execute(self.pgconn), INTERVAL, within)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise errors.ConnectionTimeout("nobody answers behind the connection") from None
        if results[-1].status == pq.ExecStatus.FATAL_ERROR:
            self.pgconn.finish()
            raise errors.error_from_result(results[-1])

    def wait(self, gen: PQGen[T], interval: float = INTERVAL, timeout: float | None = None) -> T:
        """Wait as psycopg does. Raises QueryCanceled, or OperationalError after closing."""
        limit = statement_limit() if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except errors._WaitTimeout:
            self._cancel_or_close()
        try:
            return super().wait(_going_on(gen), interval, END_WITHIN)
        except errors._WaitTimeout:
            raise self._given_up() from None

    def _cancel_or_close(self) -> None:
        try:
            self.cancel_safe(timeout=CANCEL_WITHIN)
        except psycopg.Error:
            raise self._given_up() from None

    def _given_up(self) -> psycopg.OperationalError:
        self.pgconn.finish()
        return psycopg.OperationalError(
            "the server answers neither the statement nor its cancelling"
        )


def _going_on(gen: PQGen[T]) -> PQGen[T]:
    """Begin in the middle of `gen`, which waits to hear what the socket is ready for: nothing."""
    ready: int = waiting.READY_NONE
    while True:
        try:
            wanted = gen.send(ready)
        except StopIteration as ended:
            result: T = ended.value
            return result
        ready = yield wanted


class Gate:
    """Holds back connections of this process to a server that did not answer the last one."""

    def __init__(self) -> None:
        self._closed_until = 0.0  # time.monotonic()
        self._lock = threading.Lock()

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Note a connection that took too long. Raises ConnectionTimeout while the gate rests."""
        if time.monotonic() < self._closed_until:
            raise errors.ConnectionTimeout("the server did not answer a moment ago")
        try:
            yield
        except errors.ConnectionTimeout:
            self._closed_until = time.monotonic() + REST
            raise
