"""What an engine expects comes up in the order of its times, and from when on it has rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from worker.expected import Expected

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_nobody_is_looked_for_before_the_time_and_who_waits_longest_comes_first() -> None:
    expected = Expected()
    expected.add(1, since=NOW)
    expected.add(2, since=NOW - 2 * SECOND)
    expected.add(3, since=NOW + SECOND)

    assert expected.take(1, NOW) == {2: NOW - 2 * SECOND}
    assert expected.take(10, NOW) == {1: NOW}
    assert expected.take(10, NOW) == {}
    assert expected.take(10, NOW + SECOND) == {3: NOW + SECOND}


def test_the_earliest_of_all_that_is_known_counts() -> None:
    expected = Expected()
    expected.add(1, since=NOW, look_at=NOW + 9 * SECOND)
    expected.add(1, since=NOW + 3 * SECOND)  # to be looked for earlier
    expected.add(1, since=NOW - SECOND, look_at=NOW + 20 * SECOND)  # has rows from earlier on

    assert expected.take(10, NOW + 2 * SECOND) == {}
    assert expected.take(10, NOW + 3 * SECOND) == {1: NOW - SECOND}
    assert expected.take(10, NOW + 20 * SECOND) == {}


def test_what_is_dropped_does_not_come_up() -> None:
    expected = Expected()
    expected.add(1, since=NOW)
    expected.drop(1)
    expected.add(2, since=NOW)

    assert expected.any_before(NOW + SECOND)
    assert expected.take(10, NOW) == {2: NOW}
    assert not expected.any_before(NOW + SECOND)
