"""How often this process says the same thing in its log."""

from __future__ import annotations

import time

EVERY = 60.0  # seconds
MAX_KEYS = 1000

_said: dict[str, float] = {}


def first_in_a_minute(key: str) -> bool:
    """Return whether nobody has asked for `key` in this process within the last minute.

    For what fails again and again while something is away: one line a minute tells it.
    """
    now = time.monotonic()
    if now - _said.get(key, -EVERY) < EVERY:
        return False
    if len(_said) >= MAX_KEYS:
        _said.clear()
    _said[key] = now
    return True
