"""When a resource is polled next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from polling import due

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
moments = st.integers(0, 600_000_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
intervals = st.integers(1, due.LONGEST_INTERVAL)


@given(moments, moments, intervals)
def test_the_next_poll_is_the_first_step_of_the_interval_after_now(
    was_due: datetime, now: datetime, interval: int
) -> None:
    following = due.after_success(was_due, interval, now)
    assert following > now
    assert following >= was_due
    assert (following - was_due) % timedelta(seconds=interval) == timedelta(0)
    if following > was_due:
        assert following - timedelta(seconds=interval) <= now


@given(st.integers(1, 10_000), intervals, st.booleans())
def test_failures_pause_longer_and_longer_up_to_a_bound(
    failures: int, interval: int, started: bool
) -> None:
    pause = due.after_failure(failures, interval, NOW, started=started) - NOW
    following = due.after_failure(failures + 1, interval, NOW, started=started) - NOW
    longest = timedelta(seconds=max(3600, interval)) if started else timedelta(minutes=5)
    assert timedelta(0) < pause <= following <= longest


def test_the_first_failure_is_tried_again_after_the_interval() -> None:
    pauses = [due.after_failure(failures, 900, NOW) - NOW for failures in range(1, 5)]
    assert pauses == [timedelta(minutes=minutes) for minutes in (15, 30, 60, 60)]


def test_what_never_started_is_tried_again_soon() -> None:
    pauses = [due.after_failure(n, 86_400, NOW, started=False) - NOW for n in (1, 2, 9)]
    assert pauses == [timedelta(seconds=seconds) for seconds in (10, 20, 300)]


def test_the_providers_wish_is_honoured_up_to_a_day() -> None:
    assert due.after_failure(1, 60, NOW, retry_after=1800) == NOW + timedelta(minutes=30)
    assert due.after_failure(1, 60, NOW, retry_after=1) == NOW + timedelta(minutes=1)
    assert due.after_failure(1, 60, NOW, retry_after=1e12) == NOW + timedelta(days=1)
    assert due.after_put_aside(1, NOW, retry_after=7200) == NOW + timedelta(hours=2)


def test_put_aside_objects_wait_up_to_an_hour() -> None:
    pauses = [due.after_put_aside(attempts, NOW) - NOW for attempts in (1, 2, 3, 7, 50)]
    assert pauses == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 60, 60)]


def test_a_put_aside_object_brings_the_next_poll_forward_but_never_back() -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    assert due.with_put_aside(NOW + hour, NOW + minute, NOW) == NOW + minute
    assert due.with_put_aside(NOW + minute, NOW + hour, NOW) == NOW + minute
    assert due.with_put_aside(NOW + hour, NOW - hour, NOW) == NOW
    assert due.with_put_aside(NOW + hour, None, NOW) == NOW + hour
