"""No process of the worker outlives the one that started it.

Else a main process that was killed would leave the others at work with nobody to stop them, and
one that was started in its place would work beside them.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

import structlog

from worker import loops

LOOK_EVERY = 1.0  # seconds
LAST_WORK = 5.0  # seconds for the turn to give back what it holds

log = structlog.get_logger()


def is_orphan() -> bool:
    """Whether the process that started this one by multiprocessing is gone."""
    parent = multiprocessing.parent_process()
    return parent is not None and os.getppid() != parent.pid


def end_with_parent(_: object = None) -> None:
    """From now on this process ends soon after its parent has."""
    threading.Thread(target=_watch, name="watch the parent", daemon=True).start()


def _watch() -> None:
    while not is_orphan():
        time.sleep(LOOK_EVERY)
    log.warning("worker.orphaned", pid=os.getpid())
    loops.stop()
    time.sleep(LAST_WORK)
    os._exit(1)  # it may wait at a queue for ever; what it holds comes back when its lease ends
