"""What the tests ask after a poll."""

from __future__ import annotations

from django.utils import timezone

from events.models import Event
from polling.models import PollingResource
from polling.tasks import poll_all_due


def told(resource: PollingResource) -> list[tuple[str, str]]:
    """(object id, event type) of all events, in the order in which they were recorded."""
    return [
        (found["objectId"], found["eventType"])
        for event in Event.objects.filter(
            instance_id=resource.instance_id, object_type=resource.name
        ).order_by("pk")
        for found in event.objects_found
    ]


def poll(resource: PollingResource) -> None:
    """Makes the resource due, polls all that is due, and reads the row anew."""
    PollingResource.objects.filter(pk=resource.pk).update(
        next_poll_at=timezone.now(), lease_id=None, lease_until=None
    )
    poll_all_due()
    resource.refresh_from_db()
