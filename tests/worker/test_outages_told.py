"""An outage of the database is told by all processes of a host together, in a handful of lines."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import traceback
from typing import Any

import psycopg
import pytest
from django.db import Error, InternalError, OperationalError, ProgrammingError, connection
from structlog.testing import capture_logs

from config.given_postgres import trouble
from config.short_lines import OutageFilter

GONE = OperationalError("connection failed: Connection refused\nIs the server running?")
PROCESSES = 8


class Clock:
    """In place of the module time."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(nothing_said: None, monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(trouble, "time", clock)
    return clock


def told(logged: list[Any]) -> list[tuple[Any, ...]]:
    """Return what each line says: which event, and of how many seconds."""
    return [(one["event"], one.get("seconds", one.get("after_seconds"))) for one in logged]


def test_an_outage_is_told_when_it_begins_once_a_minute_and_when_it_is_over(clock: Clock) -> None:
    with capture_logs() as logged:
        for second in range(130):
            for event in ("poll.failed", "delivery.failed", "queue.not_read"):
                trouble.tell(event, GONE)
            clock.now += second < 129
        for _ in range(30):
            clock.now += 1
            trouble.tell_end()
    assert told(logged) == [
        ("database.unavailable", 0),
        ("database.unavailable", 60),
        ("database.unavailable", 120),
        ("database.available", 129),
    ]
    assert logged[0]["reason"] == "the database cannot be reached"
    assert logged[0]["error"] == "connection failed: Connection refused"


def test_it_is_not_over_while_somebody_meets_it(clock: Clock) -> None:
    """As with a full disk: the keeper's small writes succeed."""
    with capture_logs() as logged:
        for _ in range(50):
            trouble.tell("delivery.failed", psycopg.errors.DiskFull("could not extend file"))
            clock.now += 1
            trouble.tell_end()
    assert told(logged) == [("database.unavailable", 0)]


def test_an_outage_that_comes_and_goes_is_one(clock: Clock) -> None:
    with capture_logs() as logged:
        for _ in range(20):
            trouble.tell("poll.failed", GONE)
            clock.now += trouble.OVER_AFTER - 1
            trouble.tell_end()
        clock.now += trouble.OVER_AFTER
        trouble.tell_end()
        trouble.tell("poll.failed", GONE)
    assert told(logged) == [
        ("database.unavailable", 0),
        ("database.unavailable", 63),
        ("database.unavailable", 126),
        ("database.available", 171),
        ("database.unavailable", 0),
    ]


def test_where_nobody_tells_the_end_the_next_outage_is_one_of_its_own(clock: Clock) -> None:
    trouble.tell("poll.failed", GONE)
    clock.now += 3600
    with capture_logs() as logged:
        trouble.tell("poll.failed", GONE)
    assert told(logged) == [("database.unavailable", 0)]


def test_what_is_no_outage_is_told_by_its_own_name(clock: Clock) -> None:
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = psycopg.errors.DeadlockDetected("deadlock detected")
    with capture_logs() as logged:
        for _ in range(5):
            trouble.tell("poll.failed", deadlock)
            trouble.tell("delivery.failed", deadlock)
        clock.now += 60
        trouble.tell_end()
    assert told(logged) == [("poll.failed", None), ("delivery.failed", None)]


def test_all_processes_of_a_host_tell_it_together() -> None:
    """They are forked from one that has told nothing yet."""
    trouble._said[trouble.BEGAN] = 0.0
    connection.close()

    def meet() -> None:
        with capture_logs() as logged:
            for _ in range(20):
                trouble.tell("poll.failed", GONE)
        sys.exit(len(logged))

    exits = []
    for _ in range(PROCESSES):
        process = multiprocessing.get_context("fork").Process(target=meet)
        process.start()
        process.join()
        exits.append(process.exitcode)
    assert exits == [1] + [0] * (PROCESSES - 1)
    assert trouble.is_told()


# --- django-q2's own lines -----------------------------------------------------------------------


def record(error: Exception, text: str = "Could not save task result") -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__)
    return logging.LogRecord("django-q", logging.ERROR, "", 1, text, (), exc_info)


def failed_task(error: Error) -> logging.LogRecord:
    """As django-q2 logs it: with the traceback in its text."""
    try:
        raise error
    except Error as raised:
        text = f"Failed 'polling.tasks.poll_due' (due) - {raised} : {traceback.format_exc()}"
    return logging.LogRecord("django-q", logging.ERROR, "", 1, text, (), None)


def test_what_django_q2_logs_of_an_outage_is_told_once(clock: Clock) -> None:
    with capture_logs() as logged:
        passed = [OutageFilter().filter(record(GONE)) for _ in range(20)]
        passed += [OutageFilter().filter(failed_task(GONE)) for _ in range(20)]
    assert passed == [False] * 40
    assert told(logged) == [("database.unavailable", 0)]


@pytest.mark.parametrize(
    "error", [GONE, InternalError("cannot execute UPDATE in a read-only transaction")]
)
def test_a_task_that_an_outage_ended_is_a_line_without_a_traceback(
    clock: Clock, error: Error
) -> None:
    line = failed_task(error)
    assert OutageFilter().filter(line)
    first = str(error).partition("\n")[0]
    assert line.getMessage() == f"Failed 'polling.tasks.poll_due' (due) - {first}"


def test_a_defect_of_a_task_keeps_its_traceback(clock: Clock) -> None:
    for line in (failed_task(ProgrammingError("syntax error")), record(KeyError("defect"))):
        before = line.getMessage(), line.exc_info
        assert OutageFilter().filter(line)
        assert (line.getMessage(), line.exc_info) == before
