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
WITH old AS MATERIALIZED (
    SELECT id FROM events_event
     WHERE created_at < %(before)s AND status IN ('NEW', 'NOTIFIED')
     LIMIT %(most)s
       FOR UPDATE SKIP LOCKED
), sent AS MATERIALIZED (
    SELECT id FROM events_delivery WHERE event_id IN (SELECT id FROM old)
), attempts AS (
    DELETE FROM events_deliveryattempt WHERE delivery_id IN (SELECT id FROM sent)
), deliveries AS (
    DELETE FROM events_delivery WHERE id IN (SELECT id FROM sent)
)
DELETE FROM events_event WHERE id IN (SELECT id FROM old)
"""


def remove_events(before: datetime) -> int:
    """Removes the settled events of before that time, with their deliveries and attempts.

    Returns how many events it were.
    """
    removed = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(REMOVE, {"before": before, "most": REMOVED_AT_ONCE})
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
