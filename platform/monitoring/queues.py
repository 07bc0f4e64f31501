"""How much each loop could take at this moment: figures for monitoring."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

# Each by its partial index; polls and bulk jobs organization by organization, as they are claimed.
LENGTHS = """
SELECT (SELECT COALESCE(sum(due.rows), 0)::bigint
          FROM accounts_organization AS o
         CROSS JOIN LATERAL (
               SELECT count(*) AS rows FROM polling_pollingresource AS r
                WHERE r.active AND r.organization_id = o.id
                  AND r.next_poll_at <= %(now)s
                  AND (r.lease_until IS NULL OR r.lease_until <= %(now)s)) AS due),
       (SELECT COALESCE(sum(due.rows), 0)::bigint
          FROM accounts_organization AS o
         CROSS JOIN LATERAL (
               SELECT count(*) AS rows FROM bulk_bulkjob AS j
                WHERE j.status IN ('CREATED', 'RUNNING') AND j.organization_id = o.id
                  AND COALESCE(j.lease_until, j.next_run_at) <= %(now)s) AS due),
       (SELECT count(*) FROM watching_instancewatch AS w
         WHERE w.due_at IS NOT NULL AND COALESCE(w.lease_until, w.due_at) <= %(now)s),
       (SELECT count(*) FROM django_q_ormq)
"""


def lengths(now: datetime) -> dict[str, int]:
    """Return the number of rows due by queue; deliveries have figures of their own."""
    with connection.cursor() as cursor:
        cursor.execute(LENGTHS, {"now": now})
        row = cursor.fetchone()
    return dict(zip(("polls", "bulk", "watches", "tasks"), row, strict=True))
