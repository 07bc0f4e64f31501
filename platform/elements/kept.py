"""What is kept in memory of much that could be read again: the latest, within bounds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """At most `most` values, whose sizes make `size` together; those last used. Threads share one.

    A size is whatever the caller measures in.
    """

    def __init__(self, *, most: int, size: int) -> None:
        self._most, self._size = most, size
        self._taken = 0
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._taken = 0

    def get(self, key: K) -> V | None:
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: K, value: V, size: int) -> None:
        """In place of what the key had."""
        with self._lock:
            _, before = self._values.pop(key, (value, 0))
            self._values[key] = (value, size)
            self._taken += size - before
            while self._values and (len(self._values) > self._most or self._taken > self._size):
                _, (_, gone) = self._values.popitem(last=False)
                self._taken -= gone
