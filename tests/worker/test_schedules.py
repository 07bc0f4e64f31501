"""The schedules are there without a migration, and no clock puts them off for long."""

from __future__ import annotations

import pydoc
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django_q.models import OrmQ, Schedule

from worker.board import Board
from worker.keeper import Keeper
from worker.loops import NAMES
from worker.schedules import keep_schedules, wanted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres_clock]
TASK = "polling.tasks.poll_due"


def keeper() -> Keeper:
    keeper = Keeper(Board(NAMES), "a host", lambda: 9)
    keeper.tend()
    return keeper


def test_they_are_kept_in_place_and_those_of_people_left_alone() -> None:
    keep_schedules()
    mine = Schedule.objects.create(name="a person's own", func="math.sqrt", args="(4,)")
    Schedule.objects.create(name="periodic: a task of an older release", func="gone.away")
    Schedule.objects.filter(func=TASK).update(minutes=7)
    keep_schedules()
    keep_schedules()
    names = sorted(Schedule.objects.values_list("name", flat=True))
    assert names == sorted([mine.name, *(schedule.name for schedule in wanted())])
    poll = Schedule.objects.get(func=TASK)
    assert (poll.minutes, poll.repeats, poll.args) == (1, -1, None)


def test_every_scheduled_task_exists() -> None:
    for schedule in wanted():
        assert callable(pydoc.locate(schedule.task)), schedule.task


@pytest.mark.parametrize("host_year", [2020, 2026, 2036])
def test_what_a_wrong_clock_put_off_is_due_now(host_year: int) -> None:
    keep_schedules()
    Schedule.objects.update(next_run=datetime.now(UTC) + timedelta(days=365))
    real = datetime.now(UTC)
    with time_machine.travel(real.replace(year=host_year, day=1)):
        keep_schedules()
    dues = Schedule.objects.values_list("next_run", flat=True)
    assert all(abs(due - real) < timedelta(minutes=5) for due in dues)


@pytest.mark.parametrize("days", [-400, -0.002, 0.007, 365])
def test_they_go_by_the_clock_of_the_database(days: float) -> None:
    keep_schedules()
    real = datetime.now(UTC)
    with time_machine.travel(real + timedelta(days=days)):
        keeper()._schedule()
    assert OrmQ.objects.count() == len(list(wanted())), "all were due, and each is queued once"
    for schedule in Schedule.objects.all():
        assert schedule.next_run is not None
        assert timedelta(0) < schedule.next_run - real <= timedelta(minutes=61), schedule.name


def test_nothing_is_queued_by_schedule_while_the_database_is_away() -> None:
    keep_schedules()
    Keeper(Board(NAMES), "a host", lambda: 9)._schedule()
    assert not OrmQ.objects.exists()
