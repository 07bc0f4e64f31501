"""What is to be said of instances as they are shown: polling that has stalled, and the watch.

One statement for both, and for any number of instances: `GET /instances/{id}` is asked often.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import connection

from instances.models import ElementInstance
from instances.reason import Reason
from instances.status import Problem, StatusNote
from polling import overdue
from watching.models import STATUS

if TYPE_CHECKING:
    from config.given_postgres.base import DatabaseWrapper

OF_INSTANCES = f"""
SELECT r.instance_id, r.name, r.next_poll_at, NULL FROM polling_pollingresource AS r
WHERE r.instance_id = ANY(%(instance_ids)s::bigint[]) AND {overdue.OVERDUE}
UNION ALL
SELECT w.instance_id, NULL, NULL, {STATUS} FROM watching_instancewatch AS w
WHERE w.instance_id = ANY(%(instance_ids)s::bigint[])
"""  # noqa: S608 - no outside text


def notes(instances: Sequence[ElementInstance], now: datetime) -> dict[int, StatusNote]:
    """Of those that are to be polled or told of (instances.status)."""
    working = [one.pk for one in instances if one.events_enabled and one.enabled and one.valid]
    if not working:
        return {}
    with cast("DatabaseWrapper", connection).prepared_cursor() as cursor:
        cursor.execute(
            OF_INSTANCES, {"instance_ids": working, "now": now, **overdue.limits_at(now)}
        )
        rows = cursor.fetchall()
    late: dict[int, list[tuple[str, datetime]]] = {}
    watches: dict[int, str] = {}
    for instance_id, resource, due, status in rows:
        if status is None:
            late.setdefault(instance_id, []).append((resource, due))
        else:
            watches[instance_id] = status
    return {
        instance_id: StatusNote(_stalled(late.get(instance_id)), watches.get(instance_id, ""))
        for instance_id in late.keys() | watches.keys()
    }


def _stalled(late: list[tuple[str, datetime]] | None) -> Problem | None:
    if late is None:
        return None
    return Problem(Reason.POLLING_STALLED, overdue.sentence(sorted(late)))
