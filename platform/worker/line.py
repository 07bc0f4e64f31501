"""Keeps one loop of a kind running in the worker, and no more than one for each slot.

A line's task works for a few seconds, hands on to its own next task and ends, so that a worker
can be stopped or recycled at any time. A chain that broke (its worker was killed) is taken up
again by whichever comes first: a newly spawned worker process or the line's schedule.

Rule: a task carries no work, only "look for work". Losing one or running two changes nothing.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable

import structlog
from django.db import InterfaceError, OperationalError, connection
from django_q.tasks import async_task

BUDGET = 20.0  # seconds that one task of a line works
PAUSE_AFTER_LOST_DATABASE = 1.0  # seconds

log = structlog.get_logger()
# Not a threading.Event: set() takes a lock, and a second signal that comes just then would have
# this process wait for itself.
_stop_requested = False


def stop() -> None:
    """Asks this process's line to end soon: to start nothing more and give back what it holds."""
    global _stop_requested
    _stop_requested = True


def stopping() -> bool:
    """Whether this process has been asked to stop. Who works for a line looks at it often."""
    return _stop_requested


def run_line(name: str, slot: int, task: str, work: Callable[[float], bool | None]) -> None:
    """Calls `work(deadline)` unless this slot of the line is taken, then queues `task` again.

    `deadline` is on time.monotonic(); `work` returns when it has come, or soon after `stopping()`.
    `task` is the dotted path of the calling task, which takes the slot as its only argument. When
    `work` answers False there is nothing more to do: the line rests until somebody queues its task
    or its schedule does. A lost database connection ends the work, not the line.
    """
    deadline = time.monotonic() + BUDGET
    while True:
        try:
            if stopping() or not _take(name, slot):
                return
            try:
                goes_on = work(deadline)
            finally:
                _release(name, slot)
            if goes_on is False:
                return
            async_task(task, slot, q_options={"save": False})
        except (OperationalError, InterfaceError) as error:
            log.warning("line.database_lost", line=name, error=str(error))
            connection.close()
            time.sleep(PAUSE_AFTER_LOST_DATABASE)
            if time.monotonic() > deadline + BUDGET:
                raise
        else:
            return


def _key(name: str) -> int:
    """A signed 32-bit number for the line, as pg_try_advisory_lock(int, int) takes it."""
    return zlib.crc32(f"periodic line {name}".encode()) - 2**31


def _take(name: str, slot: int) -> bool:
    """Session-level: PostgreSQL frees it when the holder's connection ends, however it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_key(name), slot])
        row = cursor.fetchone()
    return bool(row and row[0])


def _release(name: str, slot: int) -> None:
    """Before the next task is queued, or it would find the slot taken and end the chain."""
    if connection.connection is None:  # closed meanwhile, and the lock with it
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_key(name), slot])
