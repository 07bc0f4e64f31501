"""How the events of one object of a provider are found, however many events there are."""

from __future__ import annotations

import json

from django.db import connection

from accounts.reach import Reach

# MATERIALIZED: with the LIMIT in sight, the planner would rather walk all events by their time
# than ask the index of objects for a rare one.
OF_OBJECT = """
WITH found AS MATERIALIZED (
    SELECT id, created_at FROM events_event
     WHERE objects_found @> %(object)s::jsonb
       AND organization_id = %(organization)s
       AND (%(instance)s::bigint IS NULL OR instance_id = %(instance)s)
       AND (%(account)s::bigint IS NULL OR instance_id IN (
            SELECT i.id FROM instances_elementinstance i JOIN accounts_user u ON u.id = i.user_id
             WHERE u.account_id = %(account)s))
)
SELECT id FROM found ORDER BY created_at DESC, id DESC LIMIT %(most)s
"""


def events_of(
    reach: Reach, object_id: str, *, instance_id: int | None = None, most: int
) -> list[int]:
    """The ids of the latest `most` events that tell of the object, newest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            OF_OBJECT,
            {
                "object": json.dumps([{"objectId": object_id}]),
                "organization": reach.organization.pk,
                "account": reach.account_id,
                "instance": instance_id,
                "most": most,
            },
        )
        return [int(row[0]) for row in cursor.fetchall()]
