"""What keeps this process from serving requests, in words; nothing when all is well.

Anybody may ask, so the database is asked once in FRESH seconds in each process, however many do.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from django.db import Error, connection, transaction

from config.given_postgres import migrations
from config.given_postgres.unavailable import Outage, outage_of

FRESH = 5.0  # seconds that an answer stays good
READ_ONLY = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
# More rows than 64 kB hold: PostgreSQL writes 270 kB to a file of its own, which is gone after the
# statement. It leaves nothing behind, no row and no log, and needs no table.
WRITE = "SELECT count(*) FROM generate_series(1, 20000)"
OUT_OF_LIMITS = "53400"  # configuration_limit_exceeded: temp_file_limit says nothing of the disk


@dataclass
class _Latest:
    at: float = -FRESH  # time.monotonic()
    faults: dict[str, str] = field(default_factory=dict)


_latest = _Latest()
_asking = threading.Lock()


def faults() -> dict[str, str]:
    """Return what is wrong by what it concerns: `database`, `migrations`, `disk`."""
    with _asking:
        if time.monotonic() - _latest.at >= FRESH:
            _latest.faults = _look()
            _latest.at = time.monotonic()
        return dict(_latest.faults)


def forget() -> None:
    """Ask again the next time."""
    _latest.at = -FRESH


def unavailable(error: Error) -> dict[str, str]:
    """Return the fault that an error of the database stands for, without its text: that names
    hosts and users."""
    return {"database": (outage_of(error) or Outage.AWAY).value}


def _look() -> dict[str, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(READ_ONLY)
            if cursor.fetchone() == (True,):
                return {"database": Outage.READ_ONLY.value}
        advice = migrations.advice()
        return ({"migrations": advice} if advice else {}) | _write()
    except Error as error:
        return unavailable(error)


def _write() -> dict[str, str]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL work_mem = '64kB'")
            cursor.execute("SET LOCAL temp_tablespaces = ''")  # the database's own
            cursor.execute(WRITE)
    except Error as error:
        if getattr(error.__cause__, "sqlstate", None) == OUT_OF_LIMITS:
            return {}
        if outage_of(error) is Outage.DISK_FULL:
            return {"disk": Outage.DISK_FULL.value}
        raise
    return {}
