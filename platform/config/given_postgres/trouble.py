"""What a loop does while the database cannot be used: it waits with growing pauses, says so once a
minute, and does nothing whose outcome it could not store.

All processes of a worker host say it together: one line when it begins, one a minute, one when it
is over. They were forked from one that had imported this, and share what has been said.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterator

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from config import log_rate
from config.given_postgres.unavailable import outage_of

MAX_PAUSE = 5.0  # seconds
# Rows of some thirty bytes: more than a batch of outcomes takes, and far more than SPILL_MEMORY.
SPILLED_ROWS = 50_000
SPILL_MEMORY = "64kB"
SAY_EVERY = 60.0  # seconds
# Seconds in which nobody met an outage, after which it is over: longer than any pause of a loop.
OVER_AFTER = 2 * MAX_PAUSE

# By time.monotonic(), which is one clock for all processes of a host. Without a lock, which one
# that is killed would keep: two that write at the same moment may both say it.
_said = memoryview(mmap.mmap(-1, 3 * 8)).cast("d")
BEGAN, SAID, MET = range(3)  # BEGAN is 0 while there is none

log = structlog.get_logger(__name__)


def passes(error: BaseException) -> bool:
    """Return whether the same work may succeed later, unchanged: an outage, a deadlock, a lock."""
    return isinstance(error, OperationalError | InterfaceError) or outage_of(error) is not None


def tell(event: str, error: BaseException) -> None:
    """Log what goes wrong, once a minute: an outage for this host, all else for this process and
    `event`."""
    outage = outage_of(error)
    text = str(error).partition("\n")[0]
    if outage is None:
        if log_rate.first_in_a_minute(event):
            log.warning(event, reason=type(error).__name__, error=text)
        return
    now = time.monotonic()
    begins = not is_told() or now - _said[MET] > SAY_EVERY
    _said[MET] = now
    if begins:
        _said[BEGAN] = now
    if begins or now - _said[SAID] >= SAY_EVERY:
        _said[SAID] = now
        log.warning(
            "database.unavailable",
            reason=outage.value,
            error=text,
            seconds=round(now - _said[BEGAN]),
        )


def is_told() -> bool:
    """Return whether this host has met an outage that is not over yet."""
    return _said[BEGAN] > 0


def tell_end() -> None:
    """Log that an outage is over, once nobody on this host has met it for a while."""
    if not is_told() or time.monotonic() - _said[MET] < OVER_AFTER:
        return
    lasted, _said[BEGAN] = _said[MET] - _said[BEGAN], 0.0
    log.warning("database.available", after_seconds=round(lasted))


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
