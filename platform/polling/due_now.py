"""Somebody wants an instance polled now, and does not wait for it: the worker does it next.

What is being polled just then is due once more when that poll is stored, as in polling.told. Unlike
there, what fails is tried at once: a person has asked.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from worker import wakeups

MAKE_DUE = """
UPDATE polling_pollingresource
   SET told_at = %(now)s, next_poll_at = LEAST(next_poll_at, %(now)s)
 WHERE id = ANY(ARRAY(
       SELECT id
         FROM polling_pollingresource
        WHERE active AND instance_id = %(instance_id)s
        ORDER BY id
          FOR UPDATE))
RETURNING organization_id
"""


def make_due(instance_id: int, now: datetime) -> int:
    """Makes all that is polled of the instance due; how many resources that is."""
    with connection.cursor() as cursor:
        cursor.execute(MAKE_DUE, {"instance_id": instance_id, "now": now})
        organizations = [id_ for (id_,) in cursor.fetchall()]
    wakeups.wake(wakeups.POLLS, organizations, now)
    return len(organizations)
