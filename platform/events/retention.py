"""Removes events that are old and done with, a few thousand in a transaction.

What still waits to be delivered, or is queued, stays however old it is.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from events.models import Endpoint, ReceivedWebhook, RefusedWebhook
from retention.remove import remove

REMOVED_AT_ONCE = 2000  # events

REMOVE = """
WITH old AS MATERIALIZED ({old}), sent AS MATERIALIZED (
    SELECT id FROM events_delivery WHERE event_id IN (SELECT id FROM old)
), attempts AS (
    DELETE FROM events_deliveryattempt WHERE delivery_id IN (SELECT id FROM sent)
), deliveries AS (
    DELETE FROM events_delivery WHERE id IN (SELECT id FROM sent)
)
DELETE FROM events_event WHERE id IN (SELECT id FROM old)
"""
# What says itself that it is done with, and what its delivery says it of (events.status). The
# latter is locked as well: it may be sent again just now.
REMOVE_SETTLED = REMOVE.format(
    old="""
    SELECT id FROM events_event
     WHERE created_at < %(before)s AND status IN ('NEW', 'NOTIFIED')
     LIMIT %(most)s
       FOR UPDATE SKIP LOCKED
"""
)
REMOVE_ARRIVED = REMOVE.format(
    old="""
    SELECT e.id FROM events_event e JOIN events_delivery d ON d.event_id = e.id
     WHERE e.created_at < %(before)s AND e.status = 'DISPATCHED' AND e.topic = ''
       AND d.status = 'delivered'
     LIMIT %(most)s
       FOR UPDATE SKIP LOCKED
"""
)


def remove_events(before: datetime) -> int:
    """Removes the settled events of before that time, with their deliveries and attempts.

    Returns how many events it were.
    """
    return _remove_all(REMOVE_SETTLED, before) + _remove_all(REMOVE_ARRIVED, before)


def _remove_all(statement: str, before: datetime) -> int:
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, {"before": before, "most": REMOVED_AT_ONCE})
            count: int = cursor.rowcount
        removed += count
        if count < REMOVED_AT_ONCE:
            return removed


def remove_received(before: datetime) -> int:
    """Forgets what providers sent before that time: sent again, it would be a new event.

    Returns how many webhooks it were.
    """
    return remove(ReceivedWebhook.objects.filter(received_at__lt=before))


def remove_refused(before: datetime) -> int:
    """Remove refused webhooks that were last sent before that time; return their number."""
    return remove(RefusedWebhook.objects.filter(last_received_at__lt=before))


def remove_endpoints(before: datetime) -> int:
    """Forgets servers that did not answer well, and were last heard of before that time."""
    return remove(Endpoint.objects.filter(updated_at__lt=before))
