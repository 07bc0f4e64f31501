"""Fewer looks for garbage while a line works.

Python looks for reference cycles whenever some hundred objects more were made than freed, and
walks through all of them now and then: with hundreds of requests in flight that is a fifth of an
idle poll's CPU. Nearly everything of a poll or delivery is freed without it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (10_000, 10, 10)  # Python's own first one is 700

_lock = threading.Lock()
_within = 0  # how many are within rare_collection()
_usual: tuple[int, int, int] = gc.get_threshold()


@contextmanager
def rare_collection() -> Iterator[None]:
    """Within it, collections are rarer and pass over what was there before.

    It concerns the whole process: the first to enter begins it, the last to leave ends it. It
    should last no longer than a line's turn, for what is passed over waits until the end.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _within, _usual
    with _lock:
        if _within == 0:
            _usual = gc.get_threshold()
            gc.freeze()
            gc.set_threshold(*THRESHOLDS)
        _within += 1


def _leave() -> None:
    global _within
    with _lock:
        _within -= 1
        if _within == 0:
            gc.set_threshold(*_usual)
            gc.unfreeze()
