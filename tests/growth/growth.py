"""How the time of a piece of work grows with its input: as a ratio, never in seconds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

MEASURABLE = 0.0003  # seconds of processor time that stand out of a clock's noise
LONGEST = 20_000  # characters, where the work remains too quick to be measured
TRIES = 2
ALLOWED = 3.5  # times the growth of the input; the square of ten times the length is ten times that

Work = Callable[[str], object]
TextOf = Callable[[int], str]


def excess(work: Work, text_of: TextOf, measurable: float = MEASURABLE) -> float:
    """Return how much faster the time grows than the input: 1 is linear, 10 is quadratic.

    The input grows by a quarter first, then more, so that what takes exponential time is caught
    before it is given a text that it would never come to the end of.
    """
    length = 8
    while length < LONGEST and _once(work, text_of(length)) < measurable:
        length = length * 5 // 4 if length < 64 else length * 2
    base = max(_cost(work, text_of(length)), MEASURABLE / 4)
    worst = 0.0
    for factor in (1.25, 2.5, 10.0):
        worst = max(worst, _cost(work, text_of(int(length * factor))) / base / factor)
        if worst > ALLOWED:
            break
    return worst


def is_linear(work: Work, text_of: TextOf, measurable: float = MEASURABLE) -> bool:
    """Return whether the time of `work` grows no faster than the length of its text.

    A square with a small factor shows where the shorter text takes `measurable` seconds.

    A machine that is busy with other things makes one measurement wrong, not three, and none as
    wrong as work that takes exponential time.
    """
    for _ in range(3):
        found = excess(work, text_of, measurable)
        if found <= ALLOWED:
            return True
        if found > 10 * ALLOWED:
            break
    return False


def _cost(work: Work, text: str) -> float:
    first = _once(work, text)
    return first if first > 1 else min(first, *(_once(work, text) for _ in range(TRIES - 1)))


def _once(work: Work, text: str) -> float:
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.thread_time()
        work(text)
        return time.thread_time() - start
    finally:
        if collecting:
            gc.enable()
