"""A provider says that there may be news: what it is of is due now.

Rule 1: what is being polled just then is due once more when that poll is stored, for it may have
asked before the news were there (`told_at`).
Rule 2: a resource whose polls fail keeps its pause: the provider may have asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from worker import wakeups

TELL = """
UPDATE polling_pollingresource
   SET told_at = %(now)s,
       next_poll_at = CASE WHEN failures = 0 THEN LEAST(next_poll_at, %(now)s)
                           ELSE next_poll_at END
 WHERE id = ANY(ARRAY(
       SELECT id
         FROM polling_pollingresource
        WHERE active
          AND instance_id = ANY(%(instance_ids)s::bigint[]) AND name = ANY(%(resources)s::text[])
        ORDER BY id
          FOR UPDATE))
RETURNING organization_id
"""


def poll_at_once(
    *, instance_ids: Sequence[int], resources: Sequence[str], now: datetime, **_: Any
) -> None:
    """Receiver of watching.signals.noticed."""
    with connection.cursor() as cursor:
        cursor.execute(
            TELL, {"instance_ids": list(instance_ids), "resources": list(resources), "now": now}
        )
        organizations = {id_ for (id_,) in cursor.fetchall()}
    wakeups.wake(wakeups.POLLS, organizations, now)
