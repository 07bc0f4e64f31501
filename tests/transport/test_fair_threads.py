"""Threads in shares: what hangs for one owner leaves some to others, and nothing is dropped."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from tests.patience import PATIENCE
from transport.fair_threads import FairThread, FairThreads
from transport.shares import Owner, current_owner


def test_what_hangs_for_one_owner_leaves_threads_to_others_and_all_is_done_in_the_end() -> None:
    threads = FairThreads(6)
    go_on, others = threading.Event(), threading.Event()
    begun: Counter[Owner] = Counter()
    done = threading.Semaphore(0)

    def hang() -> None:
        begun[current_owner()] += 1
        go_on.wait(PATIENCE)
        done.release()

    for _ in range(50):
        threads.start(FairThread(1, hang, "hangs"))
    threads.start(FairThread(2, others.set))

    assert others.wait(PATIENCE)
    assert begun[1] <= 4  # two thirds
    go_on.set()
    assert all(done.acquire(timeout=PATIENCE) for _ in range(50))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_work_that_fails_gives_its_thread_back() -> None:
    threads = FairThreads(1)
    followed = threading.Event()

    def fail() -> None:
        raise RuntimeError

    threads.start(FairThread(1, fail))
    threads.start(FairThread(1, followed.set))

    assert followed.wait(PATIENCE)
