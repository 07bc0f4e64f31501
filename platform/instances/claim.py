"""Takes credentials whose renewal is due, so that no two workers renew the same one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

LEASE = timedelta(seconds=60)  # a worker that died holds nothing longer
CLAIM = """
UPDATE instances_credential
   SET refresh_due_at = %(until)s
 WHERE id IN (
    SELECT id
      FROM instances_credential
     WHERE state = 'ok' AND refresh_due_at <= %(now)s
     ORDER BY refresh_due_at
     LIMIT %(most)s
       FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""


def claim_due(now: datetime, most: int) -> list[int]:
    """The ids of at most `most` due credentials, which are due again when the lease is over."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "until": now + LEASE, "most": most})
        return [row[0] for row in cursor.fetchall()]
