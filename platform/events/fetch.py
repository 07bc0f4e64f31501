"""Queued notifications for receivers that fetch them instead of being called.

A fetched notification stays queued until it is acknowledged, so that a receiver that dies on the
way finds it again: each arrives at least once, under one webhook id.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from events import order
from events.commit import mark_notified
from events.models import Delivery, DeliveryStatus, Subscription

MOST_ACKNOWLEDGED = 2_000  # at once: as many as the largest page has

ACKNOWLEDGE = """
UPDATE events_delivery
   SET status = 'delivered', updated_at = %(now)s
 WHERE subscription_id = %(subscription)s AND status = 'queued'
   AND webhook_id = ANY(%(webhook_ids)s)
RETURNING event_id, id
"""


def waiting(subscription_id: int) -> QuerySet[Delivery]:
    """What is queued for the subscription."""
    return Delivery.objects.filter(subscription_id=subscription_id, status=DeliveryStatus.QUEUED)


@transaction.atomic
def acknowledge(subscription_id: int, webhook_ids: Sequence[str], now: datetime) -> int:
    """Notes that queued notifications have arrived; how many it were. Again, it changes nothing.

    In the order of commit: subscription, deliveries, events.
    """
    list(Subscription.objects.select_for_update(no_key=True).filter(pk=subscription_id))
    with connection.cursor() as cursor:
        cursor.execute(
            ACKNOWLEDGE,
            {"now": now, "subscription": subscription_id, "webhook_ids": list(webhook_ids)},
        )
        rows = cursor.fetchall()
        arrived = [row[0] for row in rows]
        if arrived:
            mark_notified(cursor, arrived)
            order.go_on([row[1] for row in rows], now)
    return len(arrived)
