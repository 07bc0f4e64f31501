"""Says which of the database's errors mean that the database cannot be used now.

Such an error is the fault of no statement and no value: the same work succeeds later, unchanged.
Whoever asks for something is told to come back, and a loop waits without counting a failure.

Django files these errors under several classes: a read-only server is an `InternalError`, missing
tables are a `ProgrammingError`, a lost connection is an `OperationalError` or an `InterfaceError`.
So catch `django.db.Error`, ask `outage_of`, and raise again what is None.
"""

from __future__ import annotations

import re
from enum import Enum

import psycopg
from django.db import utils

RETRY_AFTER = 5  # seconds after which a caller may try again


class Outage(Enum):
    """Why the database cannot be used now. The value is a sentence that anybody may read: it names
    no host, user or table."""

    AWAY = "the database cannot be reached"
    STARTING = "the database is starting or stopping"
    FULL = "the database accepts no more connections"
    REFUSED = "the database refuses the credentials of DATABASE_URL, or has no such database"
    READ_ONLY = "the database is read-only: it is a standby, or was set so"
    DISK_FULL = "the database cannot write: its disk is full or fails"
    MEMORY = "the database has too little memory"
    SCHEMA = "the database lacks tables or columns of this version: run python manage.py migrate"


# https://www.postgresql.org/docs/current/errcodes-appendix.html
BY_CODE = {
    "25006": Outage.READ_ONLY,  # read_only_sql_transaction
    "25P03": Outage.AWAY,  # idle_in_transaction_session_timeout ends the connection
    "25P04": Outage.AWAY,  # transaction_timeout ends the connection
    "3D000": Outage.REFUSED,  # invalid_catalog_name
    "42P01": Outage.SCHEMA,  # undefined_table
    "42703": Outage.SCHEMA,  # undefined_column
    "53100": Outage.DISK_FULL,  # disk_full
    "53200": Outage.MEMORY,  # out_of_memory
    "53300": Outage.FULL,  # too_many_connections
    "57P01": Outage.STARTING,  # admin_shutdown
    "57P02": Outage.STARTING,  # crash_shutdown
    "57P03": Outage.STARTING,  # cannot_connect_now
    "57P04": Outage.REFUSED,  # database_dropped
    "57P05": Outage.AWAY,  # idle_session_timeout ends the connection
    "58030": Outage.DISK_FULL,  # io_error
}
BY_CLASS = {
    "08": Outage.AWAY,  # connection_exception; PgBouncer's own errors are 08P01
    "28": Outage.REFUSED,  # invalid_authorization_specification
}
# libpq keeps no code of an error at connection, so its text must do. A server that speaks another
# language is AWAY then, which is true as well and says less.
BY_TEXT = {
    Outage.FULL: re.compile(r"too many (clients|connections)|connection slots|no more connections"),
    Outage.REFUSED: re.compile(
        r"(role|user|database) \S+ does not exist|authentication failed|no pg_hba\.conf entry"
        r"|no password supplied|not permitted to log in|permission denied for database"
        r"|no such (user|database)|not currently accepting connections"
    ),
    Outage.STARTING: re.compile(
        r"database system is (starting up|shutting down|in recovery|not (yet )?accepting)"
    ),
    # Of target_session_attrs=read-write, while no host of DATABASE_URL takes writes.
    Outage.READ_ONLY: re.compile(r"session is read-only|server is in hot standby mode"),
}
# Without a code they are psycopg's own, about a connection on which nothing makes sense any more: a
# pooler whose server was killed answers one statement twice (InternalError).
CONNECTION_ERRORS = (
    utils.OperationalError,
    utils.InterfaceError,
    utils.InternalError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
)


def outage_of(error: BaseException) -> Outage | None:
    """Return why the database cannot be used now, or None when the error is about something else.

    Takes Django's errors and psycopg's. None also stands for a statement that was cancelled,
    deadlocked or waited too long for a lock: the database works, and the next statement succeeds.
    """
    cause = error.__cause__ if isinstance(error, utils.Error) else error
    code = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if code is not None:
        return BY_CODE.get(code) or BY_CLASS.get(code[:2])
    if not isinstance(error, CONNECTION_ERRORS):
        return None
    text = str(error)
    return next((outage for outage, words in BY_TEXT.items() if words.search(text)), Outage.AWAY)
