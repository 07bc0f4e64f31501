"""What an engine expects: of whom it has to look for due rows, when, and from which time on."""

from __future__ import annotations

import heapq
from datetime import datetime


class Expected:
    """Keys of organizations or subscriptions, each with the time to look for its due rows at.

    Of each it is known since when rows of it may be due and untaken: a scan of an index that begins
    there passes no row by that was taken before, and is dead.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[datetime, datetime]] = {}  # look at, since
        self._order: list[tuple[datetime, int]] = []  # a heap of the former, and of what was once

    def add(self, key: int, *, since: datetime, look_at: datetime | None = None) -> None:
        """Look at `look_at`, or at `since`, and from `since` on; or earlier where that is known."""
        look_at = look_at or since
        if key in self._known:
            known_look_at, known_since = self._known[key]
            since = min(since, known_since)
            if known_look_at <= look_at:
                self._known[key] = known_look_at, since
                return
        self._known[key] = look_at, since
        heapq.heappush(self._order, (look_at, key))

    def since(self, key: int) -> datetime:
        return self._known[key][1]

    def drop(self, key: int) -> None:
        self._known.pop(key, None)

    def any_before(self, at: datetime) -> bool:
        """Return whether anybody is to be looked for before `at`."""
        while self._order and self._order[0][0] < at:
            look_at, key = self._order[0]
            if key in self._known and self._known[key][0] == look_at:
                return True
            heapq.heappop(self._order)
        return False

    def take(self, most: int, now: datetime) -> dict[int, datetime]:
        """Forget whom to look for now, longest ago first; return them with their `since`."""
        taken: dict[int, datetime] = {}
        while self._order and self._order[0][0] <= now and len(taken) < most:
            look_at, key = heapq.heappop(self._order)
            known = self._known.get(key)
            if known is not None and known[0] == look_at:
                del self._known[key]
                taken[key] = known[1]
        return taken
