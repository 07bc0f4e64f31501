"""Sends again what was queued, given up or has arrived, under the webhook ids that it had.

Rule 1: only who is asked for is sent to: a clause that doesn't speak of the status means what is
queued or was given up, and only one that does means what has arrived, too.
Rule 2: at most MOST_SENT_AGAIN at once, oldest first, in one transaction: all of them or none.
Rule 3: the subscriptions are locked, so that no outcome of theirs is stored meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet

from events import audited, order
from events.models import Delivery, DeliveryStatus, Subscription
from events.record import TEST
from events.subscription import lock
from worker import wakeups

MOST_SENT_AGAIN = 100_000  # deliveries at once

KEPT = (DeliveryStatus.QUEUED, DeliveryStatus.FAILED)

# A microsecond apart, so that claims, which take what is due longest, take the oldest first.
AGAIN = """
UPDATE events_delivery d
   SET status = 'created', failures = 0, first_failed_at = NULL, updated_at = %(now)s,
       next_attempt_at = %(now)s - (%(count)s - again.place) * interval '1 microsecond'
  FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS again (id, place)
 WHERE d.id = again.id AND d.status IN ('queued', 'failed', 'delivered')
"""
# Of those that say it themselves: events.status.
ON_THEIR_WAY = """
UPDATE events_event SET status = 'DISPATCHED' WHERE id = ANY(%s) AND status = 'NOTIFIED'
"""


def sendable(deliveries: QuerySet[Delivery], *, arrived: bool) -> QuerySet[Delivery]:
    """Return those that can be sent again: what is kept, and with `arrived` also what has arrived.

    Not tests, and not what has nowhere to go.
    """
    statuses = [*KEPT, *([DeliveryStatus.DELIVERED] if arrived else [])]
    found = deliveries.filter(status__in=statuses).exclude(subscription__url="")
    return found.exclude(event__topic=TEST)


def failed_between(
    deliveries: QuerySet[Delivery], since: datetime, until: datetime
) -> QuerySet[Delivery]:
    """Return what of these was given up or is kept, of events recorded in this time."""
    kept = sendable(deliveries, arrived=False)
    return kept.filter(created_at__gte=since, created_at__lte=until)


def count_events(deliveries: QuerySet[Delivery]) -> int:
    """Return the number of events that these deliver, at most MOST_SENT_AGAIN."""
    return deliveries.order_by().values("event").distinct()[:MOST_SENT_AGAIN].count()


def retry_now(deliveries: QuerySet[Delivery], now: datetime) -> bool:
    """Make due what waits for its next attempt; return whether anything did.

    The round of tries goes on: one that fails is retried as late as its number says. What is being
    attempted just now is left alone.
    """
    waiting = deliveries.filter(status=DeliveryStatus.RETRY, lease_id=None)
    subscriptions = set(waiting.order_by().values_list("subscription_id", flat=True))
    found = bool(waiting.update(next_attempt_at=now, updated_at=now))
    wakeups.wake(wakeups.DELIVERIES, subscriptions, now)
    return found


@transaction.atomic
def send_again(deliveries: QuerySet[Delivery], now: datetime, *, arrived: bool = False) -> int:
    """Makes them due, each for a new round of tries, and turns their subscriptions on again.

    Returns how many it were.
    """
    found = sendable(deliveries, arrived=arrived)
    receivers = lock(Subscription.objects.filter(pk__in=found.values("subscription")))
    Subscription.objects.filter(pk__in=receivers, active=False).update(
        active=True, failing_since=None, deactivated_at=None, deactivation_reason=""
    )
    oldest = found.filter(subscription__in=receivers).order_by("created_at", "id")
    rows = list(oldest.values_list("pk", "event_id", "status")[:MOST_SENT_AGAIN])
    had_arrived = [event for _, event, status in rows if status == DeliveryStatus.DELIVERED]
    with connection.cursor() as cursor:
        ids = [key for key, *_ in rows]
        cursor.execute(AGAIN, {"now": now, "ids": ids, "count": len(ids)})
        sent: int = cursor.rowcount
        if had_arrived:
            cursor.execute(ON_THEIR_WAY, [sorted(set(had_arrived))])
    wakeups.wake(wakeups.DELIVERIES, receivers, now - timedelta(microseconds=len(ids)))
    order.hold(ids)
    audited.sent_again(ids)
    return sent
