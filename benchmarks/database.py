"""A PostgreSQL of the benchmarks' own, with a fresh database for each.

It is durable, and has the memory that PostgreSQL's manual advises for a server of many accounts:
the 128 MB of its defaults hold a twelfth of a million mailboxes.

`set_up` comes before any import of the product's.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import psutil

from demo.processes import ROOT

VAR = ROOT / "var" / "bench"
MEMORY_SHARE = 4  # https://www.postgresql.org/docs/current/runtime-config-resource.html
MOST_MEMORY = 4 * 1024  # MB
MIGRATED = "migrated"  # the database that the others are copies of

_connections: dict[str, Any] = {}  # by database


def set_up() -> None:
    """Starts the server, settings included, and makes the database that others are copied from.

    Nothing of the caller's environment changes what is measured.
    """
    for name in ("DATABASE_URL", "EMBEDDED_POSTGRES_FSYNC", "INTEGRATIONS_DIRS"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PERIODIC_ENV": "development",
        "PERIODIC_ENV_FILE": os.devnull,
        "EMBEDDED_POSTGRES_DIR": str(VAR / "postgres"),
        "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
        "LOG_LEVEL": "WARNING",
        "POLL_CONCURRENCY": "200",
        "DELIVERY_CONCURRENCY": "200",
    }
    sys.path.insert(0, str(ROOT / "platform"))
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    settings.COUNTERS_STORED_EVERY = 0  # their thread knows of no database but one without tables
    _tune()
    _make(MIGRATED)
    use(MIGRATED)
    call_command("migrate", verbosity=0)
    _require_durability()


def fresh(name: str) -> None:
    """Makes a migrated database without rows and connects to it."""
    _make(name, template=MIGRATED)
    use(name)


def use(name: str) -> None:
    """Makes another database this thread's, on a connection that is kept open for the next use."""
    from django.db import connections

    if name not in _connections:
        wrapper = connections.create_connection("default")
        wrapper.settings_dict = {**wrapper.settings_dict, "NAME": name}
        _connections[name] = wrapper
    connections["default"] = _connections[name]


def reconnect() -> None:
    """Ends the present connection, and with it the server process that has warmed to its work."""
    from django.db import connection

    connection.close()


def drop(name: str) -> None:
    use(MIGRATED)
    _forget(name)
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def vacuum() -> None:
    """So that a measurement begins with fresh statistics and no dead rows."""
    _execute("VACUUM ANALYZE")


def checkpoint() -> None:
    """After it, the first change of each page writes the whole page to the log."""
    _execute("CHECKPOINT")


def written_to_log() -> int:
    """The bytes of WAL that this thread's connection has written so far, and nobody else's."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())")
        return int(cursor.fetchone()[0])


def _execute(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


def _forget(name: str) -> None:
    if name in _connections:
        _connections.pop(name).close()


def _make(name: str, template: str = "template0") -> None:
    for used in (name, template):
        _forget(used)
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _administer("CREATE DATABASE {} TEMPLATE {}", name, template)


def _tune() -> None:
    """Sets the server's memory, and its log so long that loading causes no checkpoints."""
    from config.postgres.server import embedded_postgres

    memory = min(psutil.virtual_memory().total // 2**20 // MEMORY_SHARE, MOST_MEMORY)
    _administer(f"ALTER SYSTEM SET shared_buffers = '{memory}MB'")
    _administer("ALTER SYSTEM SET max_wal_size = '8GB'")
    _administer("ALTER SYSTEM SET checkpoint_timeout = '30min'")
    embedded_postgres(VAR / "postgres").leave()  # it stops, and starts anew with these


def _administer(statement: str, *names: str) -> None:
    import psycopg
    from psycopg import sql

    from config.postgres.server import embedded_postgres

    server = embedded_postgres(VAR / "postgres")
    server.ensure_running()
    with psycopg.connect(**server.connection, dbname="postgres", autocommit=True) as connection:
        identifiers = [sql.Identifier(name) for name in names]
        connection.execute(sql.SQL(statement).format(*identifiers))


def _require_durability() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor.execute(f"SHOW {setting}")
            row = cursor.fetchone()
            if row is None or row[0] != "on":
                raise RuntimeError(f"{setting} must be on: what is measured must be durable")
