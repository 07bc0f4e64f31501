"""How much waits to be delivered, and to whom nothing gets through: figures for monitoring."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

LATE_AFTER = timedelta(minutes=5)  # a due delivery to a receiver that does not fail

# One pass over the partial index of what is pending, and one look each into two small ones.
PENDING = """
SELECT count(*) FILTER (WHERE due_at <= %(now)s), count(*) FILTER (WHERE due_at > %(now)s),
       min(due_at) FILTER (WHERE due_at <= %(now)s),
       count(*) FILTER (WHERE due_at <= %(late)s AND sound)
  FROM (SELECT GREATEST(d.lease_until, d.next_attempt_at) AS due_at,
               s.active AND s.failing_since IS NULL AND e.id IS NULL AS sound
          FROM events_delivery d
          JOIN events_subscription s ON s.id = d.subscription_id
          LEFT JOIN events_endpoint e
                 ON e.organization_id = s.organization_id AND e.origin = s.origin
         WHERE d.status IN ('created', 'retry')) AS pending
"""
SUBSCRIPTIONS = """
SELECT (SELECT count(*) FROM events_subscription WHERE failing_since IS NOT NULL AND active),
       (SELECT count(*) FROM events_subscription
         WHERE deactivated_at IS NOT NULL AND NOT active AND url <> '')
"""


class Figures(NamedTuple):
    due: int
    waiting: int  # for the time of their next try
    oldest_seconds: float  # since the oldest of the due ones fell due
    late: int  # due for LATE_AFTER although their receiver does not fail
    failing: int  # subscriptions
    deactivated: int  # subscriptions


def figures(now: datetime) -> Figures:
    with connection.cursor() as cursor:
        cursor.execute(PENDING, {"now": now, "late": now - LATE_AFTER})
        due, waiting, oldest, late = cursor.fetchone()
        cursor.execute(SUBSCRIPTIONS)
        failing, deactivated = cursor.fetchone()
    age = (now - oldest).total_seconds() if oldest is not None else 0.0
    return Figures(due, waiting, age, late, failing, deactivated)
