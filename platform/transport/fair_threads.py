"""Threads for what nobody waits for, or not to its end, with a share for each owner."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from transport.shares import Owner, Shares, on_behalf_of


class FairThread(threading.Thread):
    """Does `work` once FairThreads lets it begin. It never keeps a process from ending."""

    def __init__(self, owner: Owner, work: Callable[[], None], name: str | None = None) -> None:
        super().__init__(name=name, daemon=True)
        self.owner = owner
        self.ended: Callable[[], None] = lambda: None
        self._work = work

    def run(self) -> None:
        try:
            with on_behalf_of(self.owner):
                self._work()
        finally:
            self.ended()


class FairThreads:
    """At most `threads` at work at once; what is more of an owner waits behind its own.

    What the system has no thread for waits, too, and is tried again whenever there is a reason to
    look: something is to be started, has ended, or `look_again` is called.
    """

    def __init__(self, threads: int) -> None:
        self._shares = Shares(threads)
        self._waiting: dict[Owner, deque[FairThread]] = {}
        self._lock = threading.Lock()

    def start(self, thread: FairThread) -> None:
        """Starts the thread now, or when others of its owner have ended."""
        thread.ended = lambda: self._ended(thread.owner)
        with self._lock:
            self._waiting.setdefault(thread.owner, deque()).append(thread)
            self._start_waiting()

    def look_again(self) -> None:
        """Starts what waits and may start by now."""
        with self._lock:
            self._start_waiting()

    def _ended(self, owner: Owner) -> None:
        with self._lock:
            self._shares.give_back(owner)
            self._start_waiting()

    def _start_waiting(self) -> None:
        """Starts what may start; the owners take turns. Holds the lock."""
        turn = list(self._waiting)
        while turn:
            turn = [owner for owner in turn if self._start_one(owner)]

    def _start_one(self, owner: Owner) -> bool:
        """Whether one of the owner was started, and more of it wait."""
        if not self._shares.take(owner):
            return False
        try:
            self._waiting[owner][0].start()
        except RuntimeError:  # the system has no thread left
            self._shares.give_back(owner)
            return False
        self._waiting[owner].popleft()
        if not self._waiting[owner]:
            del self._waiting[owner]
        return owner in self._waiting
