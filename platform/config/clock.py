"""The time that the whole platform goes by: PostgreSQL's.

Every host of an installation asks the same database, so they agree on what is due whatever their
own clocks say.

Rule 1: a process measures PostgreSQL's clock and carries it on by its monotonic clock. Setting the
host's clock changes nothing of what is claimed, scheduled or written.
Rule 2: before the first measurement the host's clock counts. That is only until the process first
connects to the database.
Rule 3: what cannot be undone asks both clocks (`agreed`). Where they differ one of them is wrong,
and nobody here can tell which.

`install` makes `now` Django's `timezone.now`. The platform's own code asks that, and so do Django
(`auto_now`, sessions), django-q2 and django-axes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

MAX_DIFFERENCE = 5.0  # seconds between a host's clock and PostgreSQL's
MEASURE_EVERY = 10.0  # seconds
SAY_EVERY = 60.0  # seconds
WITHOUT_DATABASE = ("/health/live",)

host_now: Callable[[], datetime] = timezone.now


class ClockDiffers(Exception):
    """The host's clock and PostgreSQL's are too far apart for what cannot be undone."""


class Measurement(NamedTuple):
    """PostgreSQL's clock showed `at` when the monotonic clock showed `monotonic`, give or take
    `error` seconds."""

    at: datetime
    monotonic: float
    error: float


_known: Measurement | None = None
_tried_at = -math.inf  # to measure, on the monotonic clock
_said_at = -math.inf  # that the host's clock differs
log = structlog.get_logger(__name__)


def now() -> datetime:
    """Return PostgreSQL's time, aware and in UTC, without asking PostgreSQL."""
    if _known is None:
        return host_now()
    return _known.at + timedelta(seconds=time.monotonic() - _known.monotonic)


def offset() -> float:
    """Return how many seconds the host's clock is ahead of PostgreSQL's; 0 before a measurement.

    It follows a host's clock that jumps without a new measurement.
    """
    return 0.0 if _known is None else (host_now() - now()).total_seconds()


def differs() -> bool:
    """Whether the host's clock is certainly more than MAX_DIFFERENCE away from PostgreSQL's."""
    return _known is not None and abs(offset()) - _known.error > MAX_DIFFERENCE


def is_stale() -> bool:
    """Whether it is time to `measure` again."""
    return time.monotonic() - _tried_at >= MEASURE_EVERY


def measure(database: BaseDatabaseWrapper | None = None) -> float:
    """Ask PostgreSQL for its time, and return `offset`. Raises the database's errors.

    `database` is the calling thread's connection where none is given.
    """
    global _known, _tried_at
    began = _tried_at = time.monotonic()
    with (connection if database is None else database).cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (at,) = cursor.fetchone()
    ended = time.monotonic()
    error = (ended - began) / 2
    found = Measurement(at, began + error, error)
    # One that says nothing new changes nothing: `now` must not jitter with the network.
    if _known is None or error < _known.error or abs(_difference(found, _known)) > error:
        _known = found
    _say()
    return offset()


def _say() -> None:
    """Log a difference, once in SAY_EVERY."""
    global _said_at
    if differs() and time.monotonic() - _said_at >= SAY_EVERY:
        _said_at = time.monotonic()
        log.error("clock.differs", reason=difference())


def _difference(one: Measurement, other: Measurement) -> float:
    """Seconds by which the two disagree."""
    return (one.at - other.at).total_seconds() - (one.monotonic - other.monotonic)


def keep() -> None:
    """Measure where it is time to. Raises the database's errors."""
    if is_stale():
        measure()


def agreed() -> datetime:
    """Return the time by a fresh measurement, for deciding what to delete.

    Raises ClockDiffers where the host's clock says something else, and the database's errors.
    """
    measure()
    if differs():
        raise ClockDiffers(f"{difference()}. Nothing is removed here until it is set right.")
    return now()


def difference() -> str:
    """Say in a sentence, without its full stop, how the host's clock stands."""
    ahead = offset()
    side = "ahead of" if ahead > 0 else "behind"
    return f"the clock of this host is {abs(ahead):,.1f} s {side} PostgreSQL's"


# --- Where it is measured, beside the loops of the worker ----------------------------------------


def install() -> None:
    """Make `now` Django's, and have each process measure once it first connects.

    Before any library is loaded that takes `timezone.now` for itself.
    """
    timezone.now = now
    connection_created.connect(_measure_first, dispatch_uid="config.clock")


def _measure_first(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _known is None:
        measure(connection)


class ClockMiddleware:
    """Measures again in a web process, before the request is worked on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path not in WITHOUT_DATABASE:
            try:
                keep()
            except Error:  # whoever needs the database finds out, and says so
                connection.close()
        return self.get_response(request)
