"""Takes credentials whose renewal is due, so that no two workers renew the same one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

LEASE = timedelta(seconds=60)  # a worker that died holds nothing longer
# The organizations take turns: one with many slow token endpoints holds up its own.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT c.id, c.refresh_due_at,
           row_number() OVER (PARTITION BY i.organization_id ORDER BY c.refresh_due_at) AS place
      FROM instances_credential AS c
      JOIN instances_elementinstance AS i ON i.id = c.instance_id
     WHERE c.state = 'ok' AND c.refresh_due_at <= %(now)s
), picked AS MATERIALIZED (
    SELECT c.id, due.place, due.refresh_due_at
      FROM due
      JOIN instances_credential AS c ON c.id = due.id
     WHERE c.state = 'ok' AND c.refresh_due_at <= %(now)s
     ORDER BY due.place, due.refresh_due_at
     LIMIT %(most)s
       FOR NO KEY UPDATE OF c SKIP LOCKED
), claimed AS (
    UPDATE instances_credential AS c
       SET refresh_due_at = %(until)s
     WHERE c.id = ANY(ARRAY(SELECT id FROM picked))
    RETURNING c.id
)
SELECT picked.id
  FROM picked
  JOIN claimed ON claimed.id = picked.id
 ORDER BY picked.place, picked.refresh_due_at
"""


def claim_due(now: datetime, most: int) -> list[int]:
    """The ids of at most `most` due credentials, which are due again when the lease is over.

    The organizations take turns in the result.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"now": now, "until": now + LEASE, "most": most})
        return [row[0] for row in cursor.fetchall()]
