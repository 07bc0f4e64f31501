"""Count polls by their outcome and element: counters.families."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from counters import counting
from counters.families import POLL_DELAY, POLLS
from elements import catalogue
from polling.poll import Outcome

PRIVATE = "private"  # one label for the elements of all organizations


def ended(polls: Sequence[Outcome], status: str) -> None:
    """Count polls of one status, which is as `commit.PollReport` has it, and how late they began.

    Many at once: an idle poll must cost next to nothing.
    """
    for key, number in Counter(poll.resource.element_key for poll in polls).items():
        counting.count(POLLS, label_of(key), status, by=number)
    delays = [(poll.started_at - poll.resource.due).total_seconds() for poll in polls]
    counting.observe(POLL_DELAY, delays)


def label_of(element_key: str) -> str:
    """Return the key of a built-in element; private ones share a label, for they are many."""
    return element_key if catalogue.is_built_in(element_key) else PRIVATE
