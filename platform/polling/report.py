"""What one poll came to, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PollReport:
    """What one poll came to, as it was stored.

    `status` is found, idle, started, recovered, reconciled, failed, waiting when the provider's
    quota had no units left for it, or dropped when the lease was lost.
    `put_aside` counts what waits now; `more` says that some of it only waits its turn, or that
    there was more to find, so that the next poll is due at once.
    """

    resource: str
    status: str
    created: int = 0
    updated: int = 0
    deleted: int = 0
    missing: int = 0
    put_aside: int = 0
    events: tuple[int, ...] = ()
    error: str = ""
    gap_seconds: int | None = None
    more: bool = False

    @property
    def found(self) -> int:
        return self.created + self.updated + self.deleted
