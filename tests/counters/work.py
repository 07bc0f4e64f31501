"""What the processes of these tests do."""

from __future__ import annotations

from counters import counting
from counters.families import EVENT_AGE, POLLS


def count_and_store_twice() -> None:
    """Five polls: three are stored by the first statement, two by the second."""
    counting.count(POLLS, "gmail", "idle", by=3)
    counting.store()
    counting.count(POLLS, "gmail", "idle", by=2)
    counting.observe(EVENT_AGE, [4.0])
    counting.store()


def count_before_the_fork() -> None:
    """What the parent of the processes has counted is the parent's to store."""
    counting.count(POLLS, "gmail", "idle", by=1000)
