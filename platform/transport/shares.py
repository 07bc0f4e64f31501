"""Whose turn it is at what all share, such as threads that wait for somebody else's server.

Rule 1: an owner holds at most twice as much as is left free (the dynamic thresholds of Choudhury
and Hahne, IEEE/ACM Transactions on Networking 6.2, 1998). Alone it gets two thirds of everything,
and there is something left for whoever comes next, without a reservation that lies idle.
Rule 2: nothing here waits.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Owner: TypeAlias = int | str
"""An organization's id; a network address where no organization is known; 0: the platform."""

FACTOR = 2  # what an owner may hold, as a multiple of what is free

_owner: ContextVar[Callable[[], Owner]] = ContextVar("owner", default=lambda: 0)


@contextmanager
def on_behalf_of(owner: Owner | Callable[[], Owner]) -> Generator[None]:
    """Within it `current_owner` is `owner`, or what it returns."""
    token = _owner.set(owner if callable(owner) else lambda: owner)
    try:
        yield
    finally:
        _owner.reset(token)


def current_owner() -> Owner:
    return _owner.get()()


class Shares:
    """How much of `capacity` each owner holds. Safe to use from several threads."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._held: Counter[Owner] = Counter()
        self._all = 0
        self._lock = threading.Lock()

    @property
    def full(self) -> bool:
        """Whether nobody gets any more."""
        return self._all >= self.capacity

    def allows(self, owner: Owner, amount: int = 1) -> bool:
        """Whether `take` would succeed now."""
        before = amount - 1  # when the last of them is taken
        return self._held[owner] + before < FACTOR * (self.capacity - self._all - before)

    def room(self, owner: Owner) -> int:
        """How many more `owner` could take, while nobody else takes or gives back any."""
        free = FACTOR * (self.capacity - self._all) - self._held[owner]
        return max(0, -(-free // (FACTOR + 1)))

    def take(self, owner: Owner, amount: int = 1) -> bool:
        """Takes so many for `owner`, to be given back; False when its share is used up."""
        with self._lock:
            if not self.allows(owner, amount):
                return False
            self._held[owner] += amount
            self._all += amount
            return True

    def give_back(self, owner: Owner, amount: int = 1) -> None:
        """Gives back so many that `take` gave."""
        with self._lock:
            self._all -= amount
            self._held[owner] -= amount
            if not self._held[owner]:
                del self._held[owner]
