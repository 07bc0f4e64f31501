"""What a loop does while the database cannot be used: it waits with growing pauses, says so once a
minute, and does nothing whose outcome it could not store."""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from django.db import Error, InterfaceError, OperationalError, connection, transaction

from config import log_rate
from config.given_postgres.unavailable import outage_of

MAX_PAUSE = 5.0  # seconds
# Rows of some thirty bytes: more than a batch of outcomes takes, and far more than SPILL_MEMORY.
SPILLED_ROWS = 50_000
SPILL_MEMORY = "64kB"

log = structlog.get_logger(__name__)


def passes(error: Error) -> bool:
    """Return whether the same work may succeed later, unchanged: an outage, a deadlock, a lock."""
    return isinstance(error, OperationalError | InterfaceError) or outage_of(error) is not None


def tell(event: str, error: Error) -> None:
    """Log what goes wrong, once a minute in this process for each event and outage."""
    outage = outage_of(error)
    if log_rate.first_in_a_minute(f"{event} {outage}"):
        said = outage.value if outage else type(error).__name__
        log.warning(event, reason=said, error=str(error).partition("\n")[0])


def pauses(first: float) -> Iterator[float]:
    """Yield the seconds to wait between tries: `first`, then twice as long each, to MAX_PAUSE."""
    seconds = first
    while True:
        yield seconds
        seconds = min(seconds * 2, MAX_PAUSE)


def require_space() -> None:
    """Raise the database's error (53100) where its disk is too full for a batch of outcomes.

    A claim does not tell: it is a small write, which often fits into a page that is there, where
    what comes of it no longer does. Here PostgreSQL holds more than it may keep in memory, and so
    has to write it to its disk for a moment.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{SPILL_MEMORY}'")
        cursor.execute("SELECT count(*) FROM generate_series(1, %s)", [SPILLED_ROWS])
