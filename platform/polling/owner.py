"""Nothing is polled for a user who is switched off, and everything again once that is over.

Rule 1: it happens in the transaction that switches the user (accounts.signals.access_changed).
Rule 2: whoever polls one of the rows just then loses it: the lease is cleared, and what that poll
found is dropped with its cursor unmoved. Cursors are kept, so nothing is missed in between.
Rule 3: rows are locked in the order of their ids, as by everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from worker import wakeups

OFF = "the user who connected this account is deactivated"

STOP = """
UPDATE polling_pollingresource
   SET active = FALSE, lease_id = NULL, lease_until = NULL, error = %(error)s
 WHERE id = ANY(ARRAY(
       SELECT r.id
         FROM polling_pollingresource r
         JOIN instances_elementinstance i ON i.id = r.instance_id
        WHERE r.active AND i.user_id = ANY(%(user_ids)s::bigint[])
        ORDER BY r.id
          FOR UPDATE OF r))
"""
# The same conditions as in polling.schedule, but for the owner's.
START = """
UPDATE polling_pollingresource
   SET active = TRUE, next_poll_at = %(now)s, failures = 0, error = '',
       lease_id = NULL, lease_until = NULL
 WHERE id = ANY(ARRAY(
       SELECT r.id
         FROM polling_pollingresource r
         JOIN instances_elementinstance i ON i.id = r.instance_id
        WHERE NOT r.active AND r.enabled
          AND i.user_id = ANY(%(user_ids)s::bigint[])
          AND i.enabled AND i.valid AND i.events_enabled AND i.vendor_type = 'polling'
        ORDER BY r.id
          FOR UPDATE OF r))
RETURNING organization_id
"""


def follow_access(*, user_ids: Sequence[int], open: bool, **_: Any) -> None:  # noqa: A002 - the signal's
    """Receiver of accounts.signals.access_changed."""
    now = timezone.now()
    parameters: dict[str, Any] = {"user_ids": list(user_ids), "now": now, "error": OFF}
    with connection.cursor() as cursor:
        cursor.execute(START if open else STOP, parameters)
        started = cursor.fetchall() if open else []
    wakeups.wake(wakeups.POLLS, [id_ for (id_,) in started], now)
