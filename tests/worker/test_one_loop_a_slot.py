"""A line has one loop a slot, hands on to its next task, and survives a lost database."""

from __future__ import annotations

import time

import psycopg
import pytest
from django.core.management.sql import emit_post_migrate_signal
from django.db import OperationalError, connection
from django_q.models import OrmQ, Schedule

from worker import line
from worker.line import run_line
from worker.schedules import keep_schedules, wake_lines, wanted

TASK = "polling.tasks.poll_due"
pytestmark = pytest.mark.django_db(transaction=True)


def other_session() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}
    )


def test_the_work_gets_a_deadline_and_the_next_task_is_queued() -> None:
    deadlines: list[float] = []
    run_line("test", 0, TASK, deadlines.append)
    assert len(deadlines) == 1
    assert time.monotonic() < deadlines[0] <= time.monotonic() + line.BUDGET
    [queued] = OrmQ.objects.all()
    assert (queued.func(), queued.task["args"]) == (TASK, (0,))


def test_a_slot_that_is_taken_is_left_alone_and_nothing_is_queued() -> None:
    worked: list[float] = []
    with other_session() as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [line._key("test"), 0])
        run_line("test", 0, TASK, worked.append)
        assert worked == []
        run_line("test", 1, TASK, worked.append)
        assert len(worked) == 1
    assert [row.task["args"] for row in OrmQ.objects.all()] == [(1,)]


def test_the_slot_is_free_for_the_next_task_when_it_is_queued() -> None:
    run_line("test", 0, TASK, lambda _: None)
    with other_session() as other:
        free = other.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", [line._key("test"), 0]
        ).fetchone()
    assert free == (True,)


def test_work_that_fails_frees_the_slot() -> None:
    def fails(_: float) -> None:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        run_line("test", 0, TASK, fails)
    with other_session() as other:
        free = other.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", [line._key("test"), 0]
        ).fetchone()
    assert free == (True,)


def test_a_lost_connection_ends_the_work_but_not_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PAUSE_AFTER_LOST_DATABASE", 0)
    calls: list[float] = []

    def loses_the_connection_once(deadline: float) -> None:
        calls.append(deadline)
        if len(calls) == 1:
            with other_session() as other:
                pid = connection.connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")

    run_line("test", 0, TASK, loses_the_connection_once)
    assert len(calls) == 2
    assert OrmQ.objects.count() == 1


def test_a_database_that_stays_away_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "PAUSE_AFTER_LOST_DATABASE", 0)
    monkeypatch.setattr(line, "BUDGET", -1.0)

    def loses(_: float) -> None:
        raise OperationalError("gone")

    with pytest.raises(OperationalError, match="gone"):
        run_line("test", 0, TASK, loses)


def test_schedules_are_kept_in_place_and_those_of_people_left_alone() -> None:
    keep_schedules()
    mine = Schedule.objects.create(name="a person's own", func="math.sqrt", args="(4,)")
    Schedule.objects.create(name="periodic: a line of an older release", func="gone.away")
    keep_schedules()
    keep_schedules()
    names = sorted(Schedule.objects.values_list("name", flat=True))
    assert names == sorted([mine.name, *(schedule.name for schedule in wanted())])
    poll = Schedule.objects.get(func=TASK)
    assert (poll.minutes, poll.repeats, poll.args) == (1, -1, "(0,)")


def test_migrating_makes_the_schedules() -> None:
    Schedule.objects.all().delete()
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")
    assert Schedule.objects.count() == len(list(wanted()))


def test_every_scheduled_task_exists() -> None:
    import pydoc

    for schedule in wanted():
        assert callable(pydoc.locate(schedule.task)), schedule.task


def test_a_new_worker_process_wakes_each_line() -> None:
    wake_lines(sender="django_q", proc_name="test")
    assert sorted(row.func() for row in OrmQ.objects.all()) == sorted(
        schedule.task for schedule in wanted() if schedule.slot is not None
    )
