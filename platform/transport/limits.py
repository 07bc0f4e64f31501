"""How long and how often a request is tried, and how much is read of its answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """All that bounds one request of a connector. Times are in seconds."""

    connect: float = 5.0  # name resolution, TCP and TLS together
    total: float = 30.0  # one attempt, from its start to the last byte
    body: int = 32 * 1024 * 1024  # bytes, after decompression
    attempts: int = 3
    first_pause: float = 0.5  # doubles with each further attempt
    longest_pause: float = 10.0  # a longer Retry-After is the caller's to honour
    retry_within: float = 25.0  # no attempt begins later than this after the first
    units_within: float = 2.0  # a longer wait for units of the quota is the caller's to honour
    side_by_side: int = 10  # requests of one account in flight together


DEFAULT_LIMITS = Limits()
