"""Answers a question about a webhook-id, an event, or an object, as far as the scope reaches."""

from __future__ import annotations

from typing import Any

from api.errors import NotFound
from events.lookup import events_of
from events.models import Delivery, Event
from explanations.absence import absence_shown, absences_of
from explanations.chain import chain_shown, chains_of
from explanations.scope import Scope

MOST_EVENTS = 20  # of one object


def of_webhook(scope: Scope, webhook_id: str) -> dict[str, Any]:
    """Raises NotFound, alike for what is not there and what is another's."""
    found = Delivery.objects.filter(
        organization_id=scope.organization_id, webhook_id=webhook_id
    ).values_list("event_id", flat=True)
    if scope.instance_id is not None:
        found = found.filter(event__instance_id=scope.instance_id)
    event_id = found.first()
    if event_id is None:
        raise NotFound(f"No notification found with webhook-id {webhook_id[:100]}")
    return _answer([event_id])


def of_event(scope: Scope, event_id: int) -> dict[str, Any]:
    """Raises NotFound, alike for what is not there and what is another's."""
    found = Event.objects.filter(organization_id=scope.organization_id, pk=event_id)
    if scope.instance_id is not None:
        found = found.filter(instance_id=scope.instance_id)
    if not found.exists():
        raise NotFound(f"No event found with id {event_id}")
    return _answer([event_id])


def of_object(scope: Scope, object_id: str) -> dict[str, Any]:
    """The latest events of the object, and what else is known of it.

    An object that nobody knows is no error: the answer says where it was looked for.
    """
    event_ids = events_of(
        scope.organization_id,
        object_id,
        instance_id=scope.instance_id,
        most=MOST_EVENTS + 1,
    )
    return _answer(event_ids, object_id=object_id, scope=scope)


def _answer(
    event_ids: list[int], *, object_id: str | None = None, scope: Scope | None = None
) -> dict[str, Any]:
    chains = chains_of(event_ids[:MOST_EVENTS])
    answer: dict[str, Any] = {
        "events": [chain_shown(chain, object_id) for chain in chains],
        "olderEvents": len(event_ids) > MOST_EVENTS,
        "instances": [],
    }
    if object_id is not None and scope is not None:
        told = {chain.event.instance_id for chain in chains if chain.event.instance_id is not None}
        absences = absences_of(scope, object_id, told)
        answer["instances"] = [absence_shown(absence, object_id) for absence in absences]
    return answer
