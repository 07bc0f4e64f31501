"""How PostgreSQL stands: figures for monitoring, from its own statistics."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection

# Tables that every poll, delivery or webhook writes: vacuum has to keep up with them.
HOT_TABLES = (
    "polling_pollingresource",
    "polling_polledobject",
    "events_delivery",
    "events_subscription",
    "events_event",
    "instances_credential",
    "quota_quotabucket",
    "counters_countertotal",
    "django_q_ormq",
    "worker_wakeup",
)

# Of other roles' transactions PostgreSQL tells nothing to a role that may not monitor.
DATABASE = """
SELECT pg_database_size(current_database()),
       COALESCE((SELECT max(EXTRACT(EPOCH FROM clock_timestamp() - xact_start))
                   FROM pg_stat_activity
                  WHERE datname = current_database() AND pid <> pg_backend_pid()), 0),
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
       current_setting('max_connections')::int
"""
TABLES = """
SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables
 WHERE schemaname = current_schema() AND relname = ANY(%s)
 ORDER BY relname
"""


class Table(NamedTuple):
    """Estimated rows, as vacuum goes by."""

    name: str
    dead: int
    live: int


class Figures(NamedTuple):
    size: int  # bytes
    oldest_transaction: float  # seconds
    connections: int
    max_connections: int
    tables: list[Table]


def figures() -> Figures:
    with connection.cursor() as cursor:
        cursor.execute(DATABASE)
        size, oldest, connections, most = cursor.fetchone()
        cursor.execute(TABLES, [list(HOT_TABLES)])
        tables = [Table(*row) for row in cursor.fetchall()]
    return Figures(size, float(oldest), connections, most, tables)
