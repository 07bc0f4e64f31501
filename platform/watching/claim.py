"""Who works on which watch: leases on rows, as in polling.

Rule 1: the time comes in as a parameter, never from the database's clock.
Rule 2: a row is claimed by whoever locks it first; others skip it and don't wait.
Rule 3: a lease is known by its id. Whoever stores under another id has lost the row.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Case, F, Value, When

from watching.models import InstanceWatch

LEASE = timedelta(seconds=180)  # a row is begun within 30 s, and asks its provider a few times

# The share of each organization comes first: one with many slow providers holds up its own.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT w.id, COALESCE(w.lease_until, w.due_at) AS claimable_at,
           row_number() OVER (
               PARTITION BY i.organization_id ORDER BY COALESCE(w.lease_until, w.due_at)
           ) AS place
      FROM watching_instancewatch AS w
      JOIN instances_elementinstance AS i ON i.id = w.instance_id
     WHERE w.due_at IS NOT NULL AND COALESCE(w.lease_until, w.due_at) <= %(now)s
), picked AS MATERIALIZED (
    SELECT w.id
      FROM due
      JOIN watching_instancewatch AS w ON w.id = due.id
     WHERE w.due_at IS NOT NULL AND COALESCE(w.lease_until, w.due_at) <= %(now)s
     ORDER BY due.place, due.claimable_at
     LIMIT %(most)s
       FOR NO KEY UPDATE OF w SKIP LOCKED
)
UPDATE watching_instancewatch AS w
   SET lease_id = %(lease_id)s, lease_until = %(lease_until)s
 WHERE w.id = ANY(ARRAY(SELECT id FROM picked))
"""


def claim_due(most: int, now: datetime) -> list[InstanceWatch]:
    """Claims at most `most` due rows, with their instances."""
    lease_id = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            CLAIM, {"now": now, "most": most, "lease_id": lease_id, "lease_until": now + LEASE}
        )
    rows = InstanceWatch.objects.filter(lease_id=lease_id)
    return list(rows.select_related("instance").order_by("pk"))


def commit(row: InstanceWatch, due_at: datetime | None, **columns: Any) -> bool:
    """Stores what came of a claimed row and gives it back; whether it was still ours.

    It is due at `due_at`, unless something else is wanted by now: then it is due as it stands.
    """
    due = Case(When(version=row.version, then=Value(due_at)), default=F("due_at"))
    ours = InstanceWatch.objects.filter(pk=row.pk, lease_id=row.lease_id)
    return bool(ours.update(due_at=due, lease_id=None, lease_until=None, **columns))
