"""How long a statement may take, by the kind of work, and how long a dead connection is held.

The limit of a statement is kept by this side, in `connection.py`. PostgreSQL's statement_timeout is
state of a session: PgBouncer refuses it at the start of a connection, and in transaction mode a SET
would reach whoever is lent the session next. A server that hangs keeps no limit anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings

from config import process

# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS. A lost host is
# noticed after idle + interval * count = 25 s while we wait for an answer, and tcp_user_timeout
# after the last byte that it has not confirmed. A Unix socket ignores all but the first.
CONNECTION = {
    "connect_timeout": 5,  # seconds, for each address of the host
    "keepalives": 1,
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}

# The server's half: what it holds for a process that vanished, or stands still, ends by itself, or
# its locks would be waited for until the kernel gives up, after two hours. All of our connections
# ask for the same, so that it does no harm where a pooler lends the session to another one.
# https://www.postgresql.org/docs/current/runtime-config-client.html
SESSION = {
    "idle_in_transaction_session_timeout": 30_000,  # milliseconds
    "tcp_keepalives_idle": 10,  # seconds
    "tcp_keepalives_interval": 5,  # seconds
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}

_limit: ContextVar[float | None] = ContextVar("statement_limit")


def statement_limit() -> float | None:
    """Return how many seconds the next statement may take; None for as long as it wants."""
    try:
        return _limit.get()
    except LookupError:
        return settings.DATABASE_STATEMENT_SECONDS.get(process.kind()) or None


@contextmanager
def maintenance() -> Iterator[None]:
    """Let the statements of this block take as long as those of maintenance may."""
    token = _limit.set(settings.DATABASE_STATEMENT_SECONDS["maintenance"] or None)
    try:
        yield
    finally:
        _limit.reset(token)
