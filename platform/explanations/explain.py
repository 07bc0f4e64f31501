"""Answers a question about a webhook-id, an event, or an object, as far as the scope reaches."""

from __future__ import annotations

from typing import Any

from api.errors import NotFound
from events.lookup import events_of
from events.models import Delivery, Event
from explanations.absence import absence_shown, absences_of
from explanations.chain import Chain, chain_shown, chains_of
from explanations.scope import Scope

MOST_EVENTS = 20  # of one object


def of_webhook(scope: Scope, webhook_id: str) -> dict[str, Any]:
    """Raises NotFound, alike for what is not there and what is another's."""
    return _answer([chain_of_webhook(scope, webhook_id)])


def of_event(scope: Scope, event_id: int) -> dict[str, Any]:
    """Raises NotFound, alike for what is not there and what is another's."""
    return _answer([chain_of_event(scope, event_id)])


def chain_of_webhook(scope: Scope, webhook_id: str) -> Chain:
    """Raises NotFound."""
    own = scope.reach.rows(Delivery).filter(webhook_id=webhook_id)
    found = own.values_list("event_id", flat=True)
    if scope.instance_id is not None:
        found = found.filter(event__instance_id=scope.instance_id)
    chains = chains_of(list(found), scope.reach)
    if not chains:
        raise NotFound(f"No notification found with webhook-id {webhook_id[:100]}")
    return chains[0]


def chain_of_event(scope: Scope, event_id: int) -> Chain:
    """Raises NotFound."""
    found = scope.reach.rows(Event).filter(pk=event_id)
    if scope.instance_id is not None:
        found = found.filter(instance_id=scope.instance_id)
    chains = chains_of(list(found.values_list("pk", flat=True)), scope.reach)
    if not chains:
        raise NotFound(f"No event found with id {event_id}")
    return chains[0]


def of_object(scope: Scope, object_id: str) -> dict[str, Any]:
    """The latest events of the object, and what else is known of it.

    An object that nobody knows is no error: the answer says where it was looked for.
    """
    event_ids = events_of(
        scope.reach,
        object_id,
        instance_id=scope.instance_id,
        most=MOST_EVENTS + 1,
    )
    chains = chains_of(event_ids[:MOST_EVENTS], scope.reach)
    told = {chain.event.instance_id for chain in chains if chain.event.instance_id is not None}
    return {
        "events": [chain_shown(chain, object_id) for chain in chains],
        "olderEvents": len(event_ids) > MOST_EVENTS,
        "instances": [
            absence_shown(absence, object_id) for absence in absences_of(scope, object_id, told)
        ],
    }


def _answer(chains: list[Chain]) -> dict[str, Any]:
    return {
        "events": [chain_shown(chain) for chain in chains],
        "olderEvents": False,
        "instances": [],
    }
