"""How the time of a piece of work grows with its input: as a ratio, never in seconds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

# Characters. A square of this length takes a second at five steps a nanosecond: nothing hides it,
# not what a call costs anyway, and not the noise of a clock on a busy machine.
LONGEST = 100_000
ENOUGH = 0.08  # seconds of processor time, from where no longer text is needed
TIMES = 10  # the shorter text is shorter by
SHOWN = 0.00008  # seconds of processor time that stand out of a clock's noise
TRIES = 5  # of the shorter text, whose time all is measured by
ALLOWED = 3.5  # times the growth of the input; the square of ten times the length is ten times that

Work = Callable[[str], object]
TextOf = Callable[[int], str]


def excess(work: Work, text_of: TextOf, longest: int = LONGEST) -> float:
    """Return how much faster the time grows than the input: 1 is linear, 10 is quadratic.

    The longer text is always as long as that of LONGEST, or so long that it takes ENOUGH: a short
    one would show nothing but what the call costs anyway. It is approached by an eighth at first,
    then more, so that what takes exponential time is caught before it is given a text that it would
    never come to the end of.
    """
    work(text_of(8))  # what is made once is made now
    length = 8
    while length < longest and _cost(work, text_of(length), 1) < ENOUGH:
        length = min(longest, length * 9 // 8 if length < 64 else length * 2)
    short, long = text_of(length // TIMES), text_of(length)
    growth = len(long) / len(short)
    base = max(_cost(work, short, TRIES), SHOWN)
    return _cost(work, long, 2) / base / growth


def is_linear(work: Work, text_of: TextOf, longest: int = LONGEST) -> bool:
    """Return whether the time of `work` grows no faster than the length of its text.

    A machine that is busy with other things makes one measurement wrong, not three, and none as
    wrong as work that takes exponential time.
    """
    for _ in range(3):
        found = excess(work, text_of, longest)
        if found <= ALLOWED:
            return True
        if found > 10 * ALLOWED:
            break
    return False


def repeated(beginning: str, unit: str, length: int) -> str:
    """Return a text of about that length that begins so and then repeats the unit."""
    return beginning + unit * (length // len(unit) + 1)


def _cost(work: Work, text: str, tries: int) -> float:
    """Return the seconds of processor time that the quickest of some tries takes."""
    first = _once(work, text)
    return first if first > 1 else min(first, *(_once(work, text) for _ in range(tries)))


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
