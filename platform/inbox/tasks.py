"""What django-q2 runs for inboxes."""

from __future__ import annotations

from config import clock
from inbox import keep


def remove_old_deliveries() -> int:
    """Removes what inboxes have held long enough; how many deliveries it were."""
    return keep.remove_old(clock.agreed())
