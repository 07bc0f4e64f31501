"""How many bytes of providers' answers a process holds at once, however many it reads.

Rule 1: the first FREE bytes of an answer are counted nowhere. Nearly all answers have no more.
Rule 2: of all further bytes an organization holds at most twice what is left (transport.shares).
They are taken as they arrive: who announces much and sends little keeps nothing from anybody.
Rule 3: where there is no room one answer at a time goes on at the expense of a reserve, up to its
own limit. So answers that have come halfway never all wait for each other.
Rule 4: who waits longer than PATIENCE is given up, and gives back what it has: `NoRoom`, which is
no fault of the provider's.
Rule 5: the bytes of an answer are held until nobody has the answer any more.
"""

from __future__ import annotations

import threading
import time
import weakref
from types import TracebackType
from typing import Self

from transport.errors import NoRoom
from transport.shares import Owner, Shares, current_owner

FREE = 65_536  # bytes
# Alone an organization gets two thirds: more than the largest answer that is read, a whole mail.
CAPACITY = 100_663_296  # bytes: 96 MiB
PATIENCE = 10.0  # seconds that one answer waits in all
LOOK_AGAIN = 0.05  # seconds until who waits asks again


class ByteBudget:
    """That of one process. Safe to use from several threads."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.shares = Shares(capacity)
        self.reserve = threading.Lock()

    def answer(self) -> AnswerBytes:
        """Return what one answer holds: nothing yet."""
        return AnswerBytes(self, current_owner())


class AnswerBytes:
    """What one answer holds, for `owner`. Given back at the end of its `with`, unless `keep`."""

    def __init__(self, budget: ByteBudget, owner: Owner) -> None:
        self._budget = budget
        self._owner = owner
        self._uncounted = FREE
        self._taken = 0
        self._on_reserve = False
        self._kept = False
        self._waiting_since: float | None = None
        self._waited = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._kept:
            self._give_back()

    @property
    def has_waited(self) -> bool:
        """Whether time went by without reading: what came too late may be our own fault."""
        return self._waiting_since is not None or self._waited > 0

    def take(self, size: int) -> bool:
        """Take so many more bytes; False where there is no room for them yet, and asked again.

        Raises NoRoom instead once the answer has waited for PATIENCE.
        """
        counted = max(0, size - self._uncounted)
        if self._has_room(counted):
            self._uncounted -= size - counted
            if self._waiting_since is not None:
                self._waited += time.monotonic() - self._waiting_since
                self._waiting_since = None
            return True
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        if self._waited + now - self._waiting_since > PATIENCE:
            raise NoRoom
        return False

    def _has_room(self, size: int) -> bool:
        if not size or self._on_reserve:
            return True
        if self._budget.shares.take(self._owner, size):
            self._taken += size
            return True
        self._on_reserve = self._budget.reserve.acquire(blocking=False)
        return self._on_reserve

    def keep(self, answer: object) -> None:
        """Hold it until `answer` is no more."""
        self._kept = True
        if self._taken or self._on_reserve:
            weakref.finalize(answer, self._give_back).atexit = False

    def _give_back(self) -> None:
        self._budget.shares.give_back(self._owner, self._taken)
        if self._on_reserve:
            self._budget.reserve.release()


BUDGET = ByteBudget()
