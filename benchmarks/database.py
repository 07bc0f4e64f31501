"""A PostgreSQL of the benchmarks' own, durable as in production, with a fresh database for each.

`set_up` comes before any import of the product's.
"""

from __future__ import annotations

import os
import sys

from demo.services import ROOT

VAR = ROOT / "var" / "bench"
MIGRATED = "migrated"  # the database that the others are copies of


def set_up() -> None:
    """Starts the server, settings included, and makes the database that others are copied from.

    Nothing of the caller's environment changes what is measured.
    """
    for name in ("DATABASE_URL", "REDIS_URL", "EMBEDDED_POSTGRES_FSYNC", "INTEGRATIONS_DIRS"):
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
    from django.core.management import call_command

    django.setup()
    _make(MIGRATED)
    use(MIGRATED)
    call_command("migrate", verbosity=0)
    _require_durability()


def fresh(name: str) -> None:
    """Makes a migrated database without rows and connects to it."""
    _make(name, template=MIGRATED)
    use(name)


def use(name: str) -> None:
    """Connects this thread, which is the only one with a connection, to another database."""
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def drop(name: str) -> None:
    use(MIGRATED)
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def vacuum() -> None:
    """So that every measurement begins with fresh statistics and no dead rows."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def _make(name: str, template: str = "template0") -> None:
    from django.db import connection

    connection.close()
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    _administer("CREATE DATABASE {} TEMPLATE {}", name, template)


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
