"""How the tests poll, and what they ask afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from django.utils import timezone

from elements.calls import Changes
from events.models import Event
from polling import engine, poll_now
from polling import poll as poll_module
from polling.models import PollingResource
from tests.all_due import poll_all_due
from transport.limits import Limits


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


@contextmanager
def in_a_hurry() -> Iterator[None]:
    """Polls within it soon give up a provider that hangs."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (engine, poll_now):
            hasty = partial(module.AsyncRunner, limits=Limits(total=0.5))
            patch.setattr(module, "AsyncRunner", hasty)
        yield


def end_polls_after(checkpoints: int, patch: pytest.MonkeyPatch) -> None:
    """The time of each poll is over once it has come so far."""

    class Hurried(poll_module.Progress):
        left = checkpoints

        def reached(self, changes: Changes) -> None:
            super().reached(changes)
            self.left -= 1
            if not self.left:
                raise TimeoutError

    patch.setattr(poll_module, "Progress", Hurried)
