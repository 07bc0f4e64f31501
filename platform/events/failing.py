"""Tells of receivers that nothing gets through to: failing for minutes, or turned off.

Rule 1: commit marks the row in the transaction that stores the attempts; what is told of it is
noted on the row in the transaction that records the notification, so that each failing and each
deactivation is told once, whoever dies in between. Commit itself records nothing, for it waits for
nobody's lock, and a notification needs those of its receivers.
Rule 2: what fails is not told to itself: not to the instance's own URL, and of e-mails to owners
nothing is told at all.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import F, QuerySet

from api.timestamp import timestamp
from events.models import Subscription
from events.own_topics import OWN_TOPICS, SUBSCRIPTION_DEACTIVATED, SUBSCRIPTION_FAILING
from events.payload import Notice
from events.record import record_instance_event, record_notice

FAILING_FOR = timedelta(minutes=5)  # the fourth retry is then over; what mends itself is no news
NOT_NEWS_AFTER = timedelta(days=1)
MOST_AT_ONCE = 500
# Sooner than PostgreSQL looks for deadlocks: whoever holds the lock goes first, we come again.
WAIT_SHORTLY = "SET LOCAL lock_timeout = '300ms'"


def tell(now: datetime) -> int:
    """Records a notification of each receiver that has failed for a while or was turned off."""
    told = 0
    for topic, rows, column in (
        (SUBSCRIPTION_DEACTIVATED, _deactivated(now), "deactivated_at"),
        (SUBSCRIPTION_FAILING, _failing(now), "failing_since"),
    ):
        for subscription_id in list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE]):
            try:
                told += _tell_of(rows, subscription_id, topic, column, now)
            except OperationalError:  # locked just now: looked at again in a minute
                if not connection.is_usable():
                    raise
    return told


def _deactivated(now: datetime) -> QuerySet[Subscription]:
    off = Subscription.objects.filter(
        owner=None, active=False, deactivated_at__gt=now - NOT_NEWS_AFTER
    )
    return off.exclude(url="").exclude(deactivation_told_of=F("deactivated_at"))


def _failing(now: datetime) -> QuerySet[Subscription]:
    failing = Subscription.objects.filter(
        owner=None, active=True, failing_since__lte=now - FAILING_FOR
    )
    return failing.exclude(failing_told_of=F("failing_since"))


@transaction.atomic
def _tell_of(
    rows: QuerySet[Subscription], subscription_id: int, topic: str, column: str, now: datetime
) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAIT_SHORTLY)
    found = rows.select_for_update(no_key=True, skip_locked=True, of=("self",))
    subscription = found.filter(pk=subscription_id).first()
    if subscription is None:
        return False
    since: datetime = getattr(subscription, column)
    if topic == SUBSCRIPTION_DEACTIVATED:
        subscription.deactivation_told_of = since
    else:
        subscription.failing_told_of = since
    subscription.save(update_fields=["deactivation_told_of", "failing_told_of"])
    record = {
        "subscriptionId": subscription.pk,
        "since": timestamp(since),
        "reason": subscription.deactivation_reason
        or "the receiver does not take what is sent to it; it is tried again",
    }
    _record(subscription, topic, record, now)
    return True


def _record(subscription: Subscription, topic: str, record: dict[str, Any], now: datetime) -> None:
    instance = subscription.instance
    if instance is not None:
        whose = {"id": instance.pk, "name": instance.name}
        record_instance_event(instance, topic, {**whose, **record}, now)
        return
    own = OWN_TOPICS[topic]
    text = f"{own.says}: subscription {subscription.pk} of {', '.join(subscription.topics)}. "
    notice = Notice(topic, f"{text}{record['reason']}", own.severity, "Periodic")
    record_notice(subscription.organization_id, subscription.account_id, notice, now)
