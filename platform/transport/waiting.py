"""Web requests that wait for somebody else's server: each holds a thread, and there are few.

Rule 1: of this process's threads one in four waits for nobody. It answers everybody else: health
checks, lists, pages, and the refusals themselves.
Rule 2: whatever asks over the network calls `begin` first, and cuts its own times to `time_left`.
Outside of a web request neither does anything, save within `ends_by`: what works under a lease has
asked all that it asks before the lease is over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from transport.shares import Owner, Shares, on_behalf_of

USUAL_THREADS = 16  # as in the Procfile; config.web_worker knows better
WITHIN = 30.0  # seconds that one request waits in all, however many servers it asks


def capacity(threads: int) -> int:
    """Returns how many of a process's threads may wait at once."""
    return max(1, threads - max(1, threads // 4))


SHARES = Shares(capacity(USUAL_THREADS))


@dataclass(slots=True)
class _Request:
    owner: Callable[[], Owner]
    refuse: Callable[[bool], Exception]
    began_for: Owner | None = None
    until: float = 0.0  # on the monotonic clock


_current: ContextVar[_Request | None] = ContextVar("waiting_request", default=None)
_ends: ContextVar[float] = ContextVar("waiting_ends", default=math.inf)


@contextmanager
def ends_by(moment: float) -> Generator[None]:
    """Within it nothing that is asked waits longer than until `moment` (time.monotonic())."""
    token = _ends.set(moment)
    try:
        yield
    finally:
        _ends.reset(token)


@contextmanager
def web_request(owner: Callable[[], Owner], refuse: Callable[[bool], Exception]) -> Generator[None]:
    """Within it a share is taken for `owner()` at the first `begin`, and kept to the end: what
    began to wait is not refused halfway.

    `refuse` makes the error that `begin` raises; True: nobody may wait any more.
    """
    request = _Request(owner, refuse)
    token = _current.set(request)
    try:
        with on_behalf_of(lambda: request.began_for or 0):
            yield
    finally:
        _current.reset(token)
        if request.began_for is not None:
            SHARES.give_back(request.began_for)


def begin() -> None:
    """Says that the running request is about to wait. Raises what `web_request` was given."""
    request = _current.get()
    if request is not None and not may_begin():
        raise request.refuse(SHARES.full)


def may_begin() -> bool:
    """As `begin`; False where that raises."""
    request = _current.get()
    if request is None or request.began_for is not None:
        return True
    owner = request.owner()
    if not SHARES.take(owner):
        return False
    request.began_for = owner
    request.until = time.monotonic() + WITHIN
    return True


def time_left(limit: float) -> float:
    """`limit`, or what is left to the running work where that is less. Seconds, above 0."""
    request, until = _current.get(), _ends.get()
    if request is not None and request.began_for is not None:
        until = min(until, request.until)
    return limit if until == math.inf else max(0.001, min(limit, until - time.monotonic()))
