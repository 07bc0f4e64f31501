"""What blocks ends before the lease under which it works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from transport import waiting
from worker.side_by_side import TO_STORE, BlockingLoop

LEASE = timedelta(seconds=100)


@pytest.mark.django_db(transaction=True)
def test_a_row_waits_for_its_provider_no_longer_than_its_lease_lasts() -> None:
    left: list[float] = []

    def work(row: int) -> None:
        left.append(waiting.time_left(1_000.0))
        assert waiting.time_left(5.0) == 5.0

    BlockingLoop(batches([1, 2, 3]), work, most=10, lease=LEASE).until(time.monotonic() + 1_000)

    assert len(left) == 3
    assert all(seconds <= LEASE.total_seconds() - TO_STORE for seconds in left)


def test_once_the_time_is_over_nothing_is_waited_for() -> None:
    with waiting.ends_by(time.monotonic() - 1):
        assert waiting.time_left(30.0) == 0.001
    assert waiting.time_left(30.0) == 30.0


@pytest.mark.django_db(transaction=True)
def test_a_turn_works_on_batches_until_nothing_is_due() -> None:
    done: list[int] = []
    loop = BlockingLoop(batches([1, 2], [3]), done.append, most=2, lease=LEASE)
    assert loop.until(time.monotonic() + 1_000) is False
    assert sorted(done) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_a_turn_whose_time_is_over_claims_nothing() -> None:
    loop = BlockingLoop(batches([1]), lambda row: None, most=2, lease=LEASE)
    assert loop.until(time.monotonic()) is True
    assert loop.batch() == 1, "it was claimed"


class batches:  # noqa: N801 - stands for a function
    """Claims these, then nothing."""

    def __init__(self, *given: list[int]) -> None:
        self._given: Iterator[list[int]] = iter(given)

    def __call__(self, most: int, now: datetime) -> list[int]:
        return next(self._given, [])
