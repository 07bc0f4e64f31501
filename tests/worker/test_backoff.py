"""The law of pauses after failures, as Python and SQL have it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from worker.backoff import Backoff

SECOND = timedelta(seconds=1)
BACKOFF = Backoff(2 * SECOND, 60 * SECOND, longest_asked=300 * SECOND)


def test_it_doubles_to_the_longest() -> None:
    pauses = [BACKOFF.pause(failures) for failures in (1, 2, 3, 4, 5, 6, 7, 10**6)]
    assert pauses == [seconds * SECOND for seconds in (2, 4, 8, 16, 32, 60, 60, 60)]


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 4), (-5.0, 4), (1.0, 4), (7.5, 7.5), (299.0, 299), (1e12, 300)]
)
def test_what_the_other_side_asks_for_is_granted_within_bounds(
    asked: float | None, seconds: float
) -> None:
    assert BACKOFF.pause(2, asked) == seconds * SECOND


def test_without_a_bound_of_its_own_the_longest_bounds_what_is_asked_for() -> None:
    assert Backoff(SECOND, 60 * SECOND).pause(1, 1e9) == 60 * SECOND


def test_an_interval_longer_than_the_longest_stays_as_it_is() -> None:
    years = timedelta(days=20_000)
    assert Backoff(years, years).pause(10**6) == years


def test_sql_has_the_same_pauses_as_a_list_whose_last_one_goes_on() -> None:
    assert BACKOFF.pauses == [BACKOFF.pause(failures) for failures in range(1, 7)]
    assert BACKOFF.pauses[-1] == BACKOFF.longest


def test_the_latest_time_follows_the_law() -> None:
    assert BACKOFF.latest == 300 * SECOND
    assert Backoff(SECOND, 60 * SECOND).latest == 60 * SECOND
