"""What is still to be read after a large find, such as the first picture of a mailbox."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db import connection

from instances.models import ElementInstance

# Only resources with something put aside are looked into. What the runs put aside since the oldest
# of it is what there was; an insert is a moment later than the poll that it belongs to.
BACKLOGS = """
SELECT r.name, waiting.count, waiting.failing, waiting.since,
       (SELECT COALESCE(sum(p.put_aside), 0)
          FROM polling_pollrun p
         WHERE p.resource_id = r.id AND p.finished_at >= waiting.since - interval '1 minute'
           AND p.started_at >= waiting.since - interval '10 minutes')
  FROM polling_pollingresource r
 CROSS JOIN LATERAL (
       SELECT count(*) AS count, count(*) FILTER (WHERE o.attempts > 0) AS failing,
              min(o.created_at) AS since
         FROM polling_putasideobject o
        WHERE o.resource_id = r.id
       ) waiting
 WHERE r.instance_id = %s AND r.put_aside_due_at IS NOT NULL AND waiting.count > 0
 ORDER BY r.name
"""


class Backlog(NamedTuple):
    """Objects of one resource. Those `failing` are among the `waiting`."""

    resource: str
    waiting: int
    failing: int
    since: datetime
    total: int

    @property
    def read(self) -> int:
        return self.total - self.waiting

    @property
    def percent(self) -> int:
        return 100 * self.read // self.total


def of(instance: ElementInstance) -> list[Backlog]:
    with connection.cursor() as cursor:
        cursor.execute(BACKLOGS, [instance.pk])
        rows = cursor.fetchall()
    return [
        Backlog(name, waiting, failing, since, max(total, waiting))
        for name, waiting, failing, since, total in rows
    ]
