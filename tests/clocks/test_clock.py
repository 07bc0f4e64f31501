"""The platform goes by PostgreSQL's clock, whatever the clock of its host shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from config import clock
from worker.schedules import wanted

pytestmark = [pytest.mark.django_db, pytest.mark.postgres_clock]
YEAR = timedelta(days=365)
SECOND = timedelta(seconds=1)
REMOVALS = [one.task for one in wanted() if ".remove_old" in one.task]


def host(ahead: timedelta) -> Any:
    return time_machine.travel(clock.host_now() + ahead)


@pytest.mark.parametrize(
    "ahead", [YEAR, -YEAR, timedelta(minutes=10), timedelta(minutes=-2)], ids=str
)
def test_a_host_whose_clock_is_wrong_goes_by_postgresql(ahead: timedelta) -> None:
    right = timezone.now()
    with host(ahead):
        assert clock.measure() == pytest.approx(ahead.total_seconds(), abs=5)
        assert clock.differs()
        assert abs(timezone.now() - right) < timedelta(minutes=1)


def test_a_host_whose_clock_is_right_does_not_differ() -> None:
    assert abs(clock.measure()) < clock.MAX_DIFFERENCE
    assert not clock.differs()
    assert abs(clock.agreed() - clock.host_now()) < clock.MAX_DIFFERENCE * SECOND


def test_a_jump_between_two_measurements_changes_nothing_and_is_noticed() -> None:
    clock.measure()
    right = timezone.now()
    with host(YEAR):
        assert abs(timezone.now() - right) < timedelta(minutes=1)
        assert clock.differs()


def test_a_measurement_that_says_nothing_new_moves_the_time_by_nothing() -> None:
    clock.measure()
    for _ in range(20):
        known = clock._known
        assert known is not None
        clock.measure()
        moved = clock._difference(clock._known or known, known)
        assert abs(moved) <= known.error + 0.001


def test_a_slow_answer_tells_no_difference_that_it_cannot_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An answer that took a minute may be a minute old."""
    clock.measure()
    known = clock._known
    assert known is not None
    monkeypatch.setattr(clock, "_known", known._replace(error=30.0))
    with host(20 * SECOND):
        assert not clock.differs()
    with host(60 * SECOND):
        assert clock.differs()


def test_a_web_process_measures_before_it_works_on_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "_tried_at", 0.0)
    monkeypatch.setattr(clock, "MEASURE_EVERY", 0.0)
    with host(YEAR):
        Client().get("/health/live")
        assert clock.offset() == 0.0  # this one asks nobody
        faults = Client().get("/health/work").json()["faults"]
    assert re.fullmatch(
        r"the clock of this host is 31,53\d,\d{3}\.\d s ahead of PostgreSQL's", faults["clock"]
    )


@pytest.mark.parametrize("ahead", [timedelta(days=400), timedelta(days=-400)], ids=str)
@pytest.mark.parametrize("task", REMOVALS)
def test_a_host_whose_clock_differs_removes_nothing(task: str, ahead: timedelta) -> None:
    module, _, name = task.rpartition(".")
    remove: Callable[[], int] = getattr(import_module(module), name)
    with host(ahead):
        if task == "quota.tasks.remove_old_buckets":  # decided by PostgreSQL alone
            assert remove() == 0
            return
        with pytest.raises(clock.ClockDiffers, match=r"the clock of this host is 34,5\d\d,\d{3}"):
            remove()


def test_libraries_ask_the_same_clock() -> None:
    """They take `timezone.now` for themselves when they are imported."""
    attempts: Any = import_module("axes.attempts")
    proxy: Any = import_module("axes.handlers.proxy")
    with host(YEAR):
        clock.measure()
        times: list[datetime] = [attempts.now(), proxy.now(), timezone.now()]
    assert max(times) < clock.host_now() + timedelta(minutes=1)
