"""Count in memory, and add what was counted to the sums of all processes every few seconds.

Rule 1: a process adds differences to the stored sums and never writes a sum of its own. So sums
only grow, over any number of processes and hosts, however they end.
Rule 2: nothing is counted twice. Differences are stored as a numbered batch, in one statement with
the number; a batch whose answer was lost is sent again under its number, and added only if it was
not. What is counted and not yet stored dies with a killed process.
Rule 3: counting never waits for the database, and a poll or a delivery adds no statement.
"""

from __future__ import annotations

import atexit
import json
import math
import multiprocessing.util
import os
import threading
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client.utils import floatToGoString

from config.given_postgres import trouble
from counters.families import Family

# In the order of the key, so that two processes never wait for each other's rows crosswise. The
# rows of processes that are gone go along.
ADD = """
WITH gone AS (
    DELETE FROM counters_counterwriter
     WHERE id IN (SELECT id FROM counters_counterwriter
                   WHERE stored_at < clock_timestamp() - interval '1 day' AND id <> %(writer)s
                     FOR UPDATE SKIP LOCKED)
), news AS (
    INSERT INTO counters_counterwriter AS w (id, batch, stored_at)
    VALUES (%(writer)s, %(batch)s, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET batch = EXCLUDED.batch, stored_at = EXCLUDED.stored_at
     WHERE w.batch < EXCLUDED.batch
    RETURNING batch
)
INSERT INTO counters_countertotal (sample, labels, value)
SELECT sample, labels, value
  FROM news,
       json_to_recordset(%(added)s) AS counted (sample text, labels text, value double precision)
 ORDER BY sample, labels
    ON CONFLICT (sample, labels) DO UPDATE SET value = counters_countertotal.value + EXCLUDED.value
"""

Key = tuple[Family, tuple[str, ...]]  # with the values of its labels
Sample = tuple[str, str]  # as it is stored: its name and its labels in JSON

_lock = threading.Lock()
_counts: dict[Key, float] = {}
# How many fell below each bound and above the one before, how many above all; and their sum.
_observed: dict[Key, list[float]] = {}
_storing = threading.Lock()
_stored: dict[Sample, float] = {}  # what this process has counted and added to the sums
_sent: dict[Sample, float] | None = None  # what it will be once the last batch surely is stored
_batch = 0  # its number
_writer = uuid.uuid4()  # this process
_writer_of = 0  # the process that the writing thread belongs to


def count(family: Family, *labels: str, by: float = 1) -> None:
    """Add `by` to a counter."""
    _ensure_writer()
    key = family, labels
    with _lock:
        _counts[key] = _counts.get(key, 0.0) + by


def observe(family: Family, seconds: Iterable[float], *labels: str) -> None:
    """Add observations to a histogram. One below zero, by a clock that was set, counts as zero."""
    _ensure_writer()
    key = family, labels
    bounds = family.buckets
    with _lock:
        observed = _observed.get(key)
        if observed is None:
            observed = _observed[key] = [0.0] * (len(bounds) + 2)
        for value in seconds:
            observed[bisect_left(bounds, value)] += 1
            if value > 0:
                observed[-1] += value


def store() -> bool:
    """Add what this process has counted since the last time to the stored sums, and return whether
    there was anything.

    Raises the database's errors; nothing is lost then, and the next call adds it.
    """
    global _sent, _batch
    with _storing:
        again = _sent is not None and _send(_sent)
        _sent = dict(_counted())
        _batch += 1
        return _send(_sent) or again


def _send(counted: dict[Sample, float]) -> bool:
    """Add the batch that leads to what was `counted`, unless it is added already."""
    global _sent
    added = [
        {"sample": key[0], "labels": key[1], "value": value - _stored.get(key, 0.0)}
        for key, value in counted.items()
        if value != _stored.get(key)  # a zero is stored, too: rates begin there
    ]
    if added:
        with connection.cursor() as cursor:
            cursor.execute(ADD, {"writer": _writer, "batch": _batch, "added": json.dumps(added)})
        _stored.update(counted)
    _sent = None
    return bool(added)


def _counted() -> Iterator[tuple[Sample, float]]:
    """Return all samples of this process; those of a histogram are cumulative, as stored."""
    with _lock:
        counts = list(_counts.items())
        observed = [(key, tuple(values)) for key, values in _observed.items()]
    for (family, labels), value in counts:
        yield (f"{family.name}_total", _json(family, labels)), value
    for (family, labels), (*numbers, total) in observed:
        bounds = (*family.buckets, math.inf)
        for bound, below in zip(bounds, accumulate(numbers), strict=True):
            le = floatToGoString(bound)  # type: ignore[no-untyped-call]
            yield (f"{family.name}_bucket", _json(family, labels, le=le)), below
        yield (f"{family.name}_count", _json(family, labels)), sum(numbers)
        yield (f"{family.name}_sum", _json(family, labels)), total


def _json(family: Family, labels: tuple[str, ...], **more: str) -> str:
    return json.dumps({**dict(zip(family.labels, labels, strict=True)), **more}, sort_keys=True)


# --- The thread that stores ----------------------------------------------------------------------


def _ensure_writer() -> None:
    """Start this process's thread, unless it runs: a forked child has none of its parent's."""
    global _writer_of
    if _writer_of == os.getpid() or not settings.COUNTERS_STORED_EVERY:
        return
    with _storing:
        if _writer_of == os.getpid():
            return
        _writer_of = os.getpid()
        # As the process ends, before an embedded PostgreSQL is left; atexit does not run in a child
        # of multiprocessing.
        atexit.register(store_or_say)
        multiprocessing.util.Finalize(None, store_or_say, exitpriority=1)
        threading.Thread(target=_write, name="counters", daemon=True).start()


def _write() -> None:
    pause = threading.Event()
    while not pause.wait(settings.COUNTERS_STORED_EVERY):
        store_or_say()
        connection.close()  # or each process would hold one more all the time


def store_or_say() -> None:
    """Store, and log where that fails, or works again."""
    try:
        if store():
            trouble.tell_end()
    except (DatabaseError, InterfaceError) as error:
        trouble.tell("counters.not_stored", error)


def _after_fork() -> None:
    """Leave to the parent what the parent has counted."""
    global _lock, _storing, _sent, _batch, _writer
    _sent, _batch, _writer = None, 0, uuid.uuid4()
    _lock, _storing = threading.Lock(), threading.Lock()
    _counts.clear()
    _observed.clear()
    _stored.clear()


os.register_at_fork(after_in_child=_after_fork)
