"""`manage.py migrate`: Django's own, which waits for no lock while others work.

A statement that waits for a lock on a table makes everybody wait who wants the table after it, and
what its transaction holds already may be what they wait for. So a transaction waits in its first
moment only, gives up, and is tried again: each migration is a transaction, and what is done is
skipped. An index that is made concurrently waits for others' transactions without holding anybody
up, and may.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections
from psycopg import errors
from psycopg.pq import TransactionStatus

# Milliseconds from a transaction's begin. Who waits for one of its locks has begun later, and looks
# for a deadlock after PostgreSQL's deadlock_timeout of a second: by then this one waits no more, so
# that never a request is ended in its favour.
LOCK_WAIT = 700
BOUND = """
SELECT set_config(
    'lock_timeout',
    greatest(1, %s - 1000 * extract(epoch FROM clock_timestamp() - now()))::int || 'ms',
    true
)
"""
GAVE_WAY = (errors.LockNotAvailable, errors.DeadlockDetected)
TRIES = 60
PAUSE = 1.0  # seconds
# Left behind where making one was ended: nobody uses it, and its name is taken.
BROKEN_INDEXES = """
SELECT format('DROP INDEX %I.%I', n.nspname, c.relname)
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT i.indisvalid AND n.nspname = 'public' AND NOT EXISTS (
       SELECT 1 FROM pg_stat_progress_create_index p WHERE p.datname = current_database())
"""


class Command(DjangoMigrate):
    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        for tries in range(1, TRIES + 1):
            try:
                with connections[using].execute_wrapper(wait_shortly):
                    self._drop_broken_indexes(using)
                    super().handle(*args, **options)
                    return
            except OperationalError as error:
                if not isinstance(error.__cause__, GAVE_WAY):
                    raise
                if tries == TRIES:
                    raise CommandError(
                        f"others hold a lock on a table: {TRIES} tries were in vain. What is done "
                        "stays done; run migrate again"
                    ) from error
                self.stderr.write("Others hold a lock on a table: trying again.")
                time.sleep(PAUSE)

    def _drop_broken_indexes(self, using: str) -> None:
        with connections[using].cursor() as cursor:
            cursor.execute(BROKEN_INDEXES)
            for (statement,) in cursor.fetchall():
                cursor.execute(statement)


def wait_shortly(
    execute: Callable[..., Any], statement: Any, parameters: Any, many: bool, context: Any
) -> Any:
    """Run a statement of a transaction with a bound to its wait for locks.

    Of the transaction alone: behind a pooler a session's setting would reach others.
    """
    connection = context["connection"]
    # What has failed takes nothing but its end.
    if connection.in_atomic_block and (
        connection.connection.info.transaction_status != TransactionStatus.INERROR
    ):
        connection.connection.execute(BOUND, [LOCK_WAIT])
    return execute(statement, parameters, many, context)
