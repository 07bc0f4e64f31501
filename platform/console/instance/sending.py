"""How it goes with what is sent to an instance's callback."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from events.models import Channel, Subscription
from events.record import TEST
from explanations.masking import masked_url
from instances.models import ElementInstance

MOST_COUNTED = 10_000  # deliveries of a kind
COUNTS = """
SELECT (SELECT count(*) FROM (
            SELECT FROM events_delivery
             WHERE subscription_id = %(subscription)s AND status IN ('created', 'retry')
             LIMIT %(most)s) AS pending),
       (SELECT count(*) FROM (
            SELECT FROM events_delivery
             WHERE subscription_id = %(subscription)s AND status = 'queued'
             LIMIT %(most)s) AS queued),
       (SELECT count(*) FROM (
            SELECT FROM events_delivery d JOIN events_event e ON e.id = d.event_id
             WHERE d.subscription_id = %(subscription)s AND d.status = 'failed'
               AND e.topic <> %(test)s
             LIMIT %(most)s) AS given_up)
"""


@dataclass(frozen=True, slots=True)
class Sending:
    subscription: Subscription
    url: str  # without what is secret in it
    pending: int
    queued: int
    given_up: int  # while others arrived

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
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"subscription": found.pk, "test": TEST, "most": MOST_COUNTED})
        pending, queued, given_up = cursor.fetchone()
    return Sending(found, masked_url(found.url), pending, queued, given_up)
