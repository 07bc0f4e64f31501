"""What an operator is told at the start of a process, and in place of a traceback."""

from __future__ import annotations

import structlog
from django.db import Error, connection

from config import process
from config.given_postgres import migrations
from config.given_postgres.pooling import is_pooled
from config.given_postgres.unavailable import Outage, outage_of
from config.postgres.place import EmbeddedPostgresError
from config.version import VERSION

log = structlog.get_logger(__name__)


def advice_about(error: BaseException) -> str | None:
    """Return one sentence about an error of the database; None for what nobody can mend by it."""
    if isinstance(error, EmbeddedPostgresError):
        return str(error)
    if not isinstance(error, Error) or (outage := outage_of(error)) is None:
        return None
    if outage is Outage.SCHEMA:
        return migrations_missing()
    return f"{outage.value}. {error}".strip()


def migrations_missing() -> str | None:
    """Return what to run, or None where nothing is missing or nobody can know now."""
    try:
        return migrations.advice()
    except Error:
        return None


def announce() -> None:
    """Log one line: version, database and migrations. Never raises; closes its connection."""
    log.info("started", process=process.kind(), version=VERSION, **_database())


def _database() -> dict[str, object]:
    try:
        connection.ensure_connection()
        assert connection.connection is not None  # noqa: S101 - just made sure of
        server = connection.connection.info
        return {
            "database": f"{server.host}:{server.port}/{server.dbname}",
            "pooled": is_pooled(connection.connection),
            "migrations": migrations.advice() or "all applied",
        }
    except EmbeddedPostgresError as error:
        return {"database": str(error)}
    except Error as error:
        return {"database": (outage_of(error) or Outage.AWAY).value}
    finally:
        connection.close()
