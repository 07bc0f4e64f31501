"""Goes through all that waits, and ends what waits for longer than any rule allows."""

from __future__ import annotations

import accounts.waits
import bulk.waits
import events.waits
import instances.waits
import polling.waits
import quota.waits
import watching.waits
from retention.recall import recall

WAITS = (
    *polling.waits.WAITS,
    *events.waits.WAITS,
    *watching.waits.WAITS,
    *instances.waits.WAITS,
    *bulk.waits.WAITS,
    *quota.waits.WAITS,
    *accounts.waits.WAITS,
)


def recall_put_off() -> int:
    """End the waits that a wrong clock has written. Returns the number of rows."""
    return recall(WAITS)
