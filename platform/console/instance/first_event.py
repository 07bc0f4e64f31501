"""How far a new instance is on its way to the first event that is delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef

from console import sandbox
from console.instance.sending import Sending
from events.models import Delivery, DeliveryStatus, Event
from instances.models import ElementInstance
from polling.models import PollingResource

LOOKED_AT = 20  # events: an older one that arrives late is nothing that a beginner waits for


@dataclass(frozen=True, slots=True)
class FirstEvent:
    """The steps that are done. Without a receiver the way ends where an event is `found`.

    `watched`: the present state of the account is known, so that what changes is noticed.
    """

    watched: bool
    next_poll_at: datetime | None
    found: bool
    has_receiver: bool
    delivered: bool
    sandbox: bool

    @property
    def complete(self) -> bool:
        return self.delivered if self.has_receiver else self.found


def of(
    instance: ElementInstance, resources: Sequence[PollingResource], sent: Sending | None
) -> FirstEvent | None:
    """Return the way of an instance that sends events; None once there is nothing to show."""
    polled = [one for one in resources if one.active]
    if not instance.events_enabled or not polled:
        return None
    arrived = Delivery.objects.filter(event=OuterRef("pk"), status=DeliveryStatus.DELIVERED)
    events = Event.objects.filter(instance=instance).order_by("created_at", "id")
    found = list(events.values_list(Exists(arrived), flat=True)[:LOOKED_AT])
    way = FirstEvent(
        watched=any(one.cursor is not None for one in polled),
        next_poll_at=min(one.next_poll_at for one in polled),
        found=bool(found),
        has_receiver=sent is not None,
        delivered=any(found),
        sandbox=sandbox.is_served(instance.element_key),
    )
    return way if way.sandbox or not way.complete else None
