"""How it goes with what is sent to an instance's callback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from events.models import Channel, Delivery, DeliveryStatus, Subscription
from explanations.masking import masked_url
from instances.models import ElementInstance

MOST_COUNTED = 10_000  # deliveries of a kind
PENDING = (DeliveryStatus.CREATED, DeliveryStatus.RETRY)


@dataclass(frozen=True, slots=True)
class Sending:
    subscription: Subscription
    url: str  # without what is secret in it
    pending: int
    queued: int

    @property
    def fetched(self) -> bool:
        return self.subscription.channel == Channel.QUEUE

    @property
    def off(self) -> bool:
        return not self.subscription.active and not self.fetched

    @property
    def most(self) -> int:
        """From which on a count says "or more"."""
        return MOST_COUNTED


def of(instance: ElementInstance) -> Sending | None:
    """None where events go nowhere."""
    rows = Subscription.objects.filter(instance=instance)
    found = rows.defer("signature_key", "retired_keys", "headers").first()
    if found is None or not (found.url or found.channel == Channel.QUEUE):
        return None
    own = Delivery.objects.filter(subscription=found)
    return Sending(
        found,
        masked_url(found.url),
        _counted(own.filter(status__in=PENDING)),
        _counted(own.filter(status=DeliveryStatus.QUEUED)),
    )


def _counted(rows: QuerySet[Delivery, Any]) -> int:
    return rows.values("pk")[:MOST_COUNTED].count()
