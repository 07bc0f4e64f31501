"""What blocks ends before the lease under which it works."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from transport import waiting
from worker.side_by_side import TO_STORE, side_by_side

LEASE = timedelta(seconds=100)


@pytest.mark.django_db(transaction=True)
def test_a_row_waits_for_its_provider_no_longer_than_its_lease_lasts() -> None:
    left: list[float] = []

    def work(row: int) -> None:
        left.append(waiting.time_left(1_000.0))
        assert waiting.time_left(5.0) == 5.0

    side_by_side([1, 2, 3], work, threads=2, lease=LEASE)

    assert len(left) == 3
    assert all(seconds <= LEASE.total_seconds() - TO_STORE for seconds in left)


def test_once_the_time_is_over_nothing_is_waited_for() -> None:
    with waiting.ends_by(time.monotonic() - 1):
        assert waiting.time_left(30.0) == 0.001
    assert waiting.time_left(30.0) == 30.0
