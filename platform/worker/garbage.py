"""Fewer looks for garbage while a line works.

Python looks for reference cycles whenever some hundred objects more were made than freed, and
walks through all of them now and then: with hundreds of requests in flight that is a fifth of an
idle poll's CPU. Nearly everything of a poll or delivery is freed without it.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (10_000, 10, 10)  # Python's own first one is 700


@contextmanager
def rare_collection() -> Iterator[None]:
    """Within it, collections are rarer and pass over what was there before.

    It concerns the whole process and is not nested: one line works in a process at a time. It
    lasts no longer than a line's turn, so that nothing stays uncollected for more than that.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
