"""Keeps what arrives in an inbox: the latest MOST_KEPT, for KEPT_FOR.

Rule 1: a delivery, its number and the removal of the one that it pushes out are one transaction.
The inbox's row is locked in it, so that numbers leave none out and never more than MOST_KEPT stay.
Rule 2: what is too old is not shown; a schedule removes it when it comes to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.models import Account
from inbox.models import Inbox, InboxDelivery
from retention.remove import remove

MOST_KEPT = 1_000  # deliveries of one inbox
KEPT_FOR = timedelta(days=7)
KEPT_OF_A_BODY = 262_144  # bytes

COUNT = """
UPDATE inbox_inbox SET received = received + 1 WHERE id = %s RETURNING received
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery as it is kept, but for its number."""

    received_at: datetime
    headers: list[list[str]]
    body: bytes
    checks: list[dict[str, Any]]
    webhook_id: str = ""
    event_id: int | None = None
    instance_id: int | None = None


@transaction.atomic
def keep(inbox: Inbox, arrived: Arrived) -> InboxDelivery | None:
    """Stores it; None where the inbox has gone meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [inbox.pk])
        row = cursor.fetchone()
    if row is None:
        return None
    number = int(row[0])
    kept = InboxDelivery.objects.create(
        inbox=inbox,
        number=number,
        received_at=arrived.received_at,
        webhook_id=arrived.webhook_id,
        event_id=arrived.event_id,
        instance_id=arrived.instance_id,
        headers=arrived.headers,
        body=arrived.body[:KEPT_OF_A_BODY],
        size=len(arrived.body),
        checks=arrived.checks,
    )
    InboxDelivery.objects.filter(inbox=inbox, number__lte=number - MOST_KEPT).delete()
    return kept


def kept_of(account: Account, now: datetime) -> QuerySet[InboxDelivery]:
    """What an account's inbox holds, the newest first."""
    return InboxDelivery.objects.filter(
        inbox__account=account, received_at__gt=now - KEPT_FOR
    ).order_by("-number")


def remove_old(now: datetime) -> int:
    """Removes what is older than KEPT_FOR; how many deliveries it were."""
    return remove(InboxDelivery.objects.filter(received_at__lte=now - KEPT_FOR))
