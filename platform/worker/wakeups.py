"""Wake-ups: what tells the engines of all hosts that something has fallen due before they look.

An engine remembers when each organization or subscription has something due, and visits none before
that. Whoever makes rows due says so here, in the same transaction, and the next look of each
engine reads it: at a cost that follows what was made due, not who exists.

Rule 1: a wake-up is a hint. One that is lost costs the time until an engine's round, in which it
visits everybody in turn, comes by.
Rule 2: ids do not commit in their order. Those that are passed over are asked for again, until
their transactions must have ended.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from config import clock
from retention.remove import remove
from worker.models import WakeUp

POLLS = "polls"  # keys are organizations
DELIVERIES = "deliveries"  # keys are subscriptions
KEPT = timedelta(minutes=1)
LONGEST_TRANSACTION = 60.0  # seconds that an id that was passed over is asked for
MOST_PASSED_OVER = 200  # ids

WRITE = """
INSERT INTO worker_wakeup (queue, keys, due_at, written_at)
VALUES (%s, %s, %s, %s)
"""
LAST = "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('worker_wakeup', 'id')), 0)"
READ = """
SELECT id, queue, keys, due_at FROM worker_wakeup
 WHERE id > %(last)s OR id = ANY(%(passed_over)s::bigint[])
 ORDER BY id
"""


def wake(queue: str, keys: Collection[int], due_at: datetime) -> None:
    """Tell the engines that these have something due at `due_at`, or later, and not before."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(WRITE, [queue, sorted(set(keys)), due_at, timezone.now()])


def remove_old() -> int:
    """Removes what every engine has read long ago; returns the number of rows."""
    return remove(WakeUp.objects.filter(written_at__lt=clock.agreed() - KEPT))


class WakeUps:
    """What one engine has yet to read of one queue, from when it is made."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._last: int | None = None
        self._passed_over: dict[int, float] = {}  # ids, and until when they are asked for

    def read(self) -> dict[int, datetime]:
        """Return who was woken since the last call, and when the first of it is due."""
        woken: dict[int, datetime] = {}
        for id_, queue, keys, due_at in self._rows():
            self._pass_over_before(id_)
            if queue == self._queue:
                woken |= {key: min(due_at, woken.get(key, due_at)) for key in keys}
        return woken

    def _rows(self) -> list[tuple[int, str, list[int], datetime]]:
        now = time.monotonic()
        self._passed_over = {id_: at for id_, at in self._passed_over.items() if at > now}
        with connection.cursor() as cursor:
            if self._last is None:
                cursor.execute(LAST)
                (last,) = cursor.fetchone()
                self._last = max(last - MOST_PASSED_OVER, 0)
            cursor.execute(READ, {"last": self._last, "passed_over": list(self._passed_over)})
            rows: list[tuple[int, str, list[int], datetime]] = cursor.fetchall()
        return rows

    def _pass_over_before(self, id_: int) -> None:
        """Ask for what lies between the last id and this one again, for a while."""
        last = self._last or 0
        if id_ <= last:
            self._passed_over.pop(id_, None)
            return
        until = time.monotonic() + LONGEST_TRANSACTION
        first = max(last + 1, id_ - MOST_PASSED_OVER)
        self._passed_over |= dict.fromkeys(range(first, id_), until)
        self._last = id_
