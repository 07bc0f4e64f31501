"""/instances/…/events: what was found, and how its delivery goes."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.db.models import F, Func, IntegerField, Prefetch, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import Caller
from api.errors import NotFound
from api.paging import page_of, whole_list
from api.permissions import IsAnyCaller
from events import payload
from events.models import Delivery, DeliveryAttempt, Event, EventStatus
from instances.models import ElementInstance

LARGEST_ID = 2**63 - 1
BODY_SIZE = Func(F("body"), function="octet_length", output_field=IntegerField())


class EventsView(APIView):
    """GET /instances/events (all of the organization, or of the Element token's instance) and
    GET /instances/{id}/events: newest first; none is an empty list."""

    permission_classes = [IsAnyCaller]

    def get(self, request: Request, instance_id: str | None = None) -> Response:
        # Bodies hold whole mails: a page is cut by their sizes before any is loaded.
        events = _events(request, instance_id).defer("body").annotate(size=BODY_SIZE)
        listing = page_of(request, events.order_by("-id"), size_of=_body_size)
        bodies = dict(
            Event.objects.filter(pk__in=[event.pk for event in listing.rows]).values_list(
                "pk", "body"
            )
        )
        summaries = [
            _summary(event, bodies[event.pk]) for event in listing.rows if event.pk in bodies
        ]
        return Response(summaries, headers=listing.headers)


class EventView(APIView):
    """GET /instances/events/{eventId} and GET /instances/{id}/events/{eventId}."""

    permission_classes = [IsAnyCaller]

    def get(self, request: Request, event_id: str, instance_id: str | None = None) -> Response:
        event = _event(request, event_id, instance_id)
        found = [{"value": one["objectId"]} for one in event.objects_found]
        detail = _summary(event, event.body)
        detail["eventElementInstances"] = [
            {"instanceId": event.instance_id, "objectIds": found},
        ]
        return Response(detail)


class DeliveriesView(APIView):
    """GET …/events/{eventId}/deliveries: each with its attempts, oldest first."""

    permission_classes = [IsAnyCaller]

    def get(self, request: Request, event_id: str, instance_id: str | None = None) -> Response:
        event = _event(request, event_id, instance_id)
        attempts = DeliveryAttempt.objects.order_by("number")
        deliveries = (
            Delivery.objects.filter(event=event)
            .select_related("subscription")
            .defer("subscription__signature_key")
            .prefetch_related(Prefetch("attempts", queryset=attempts))
            .order_by("id")
        )
        return whole_list([_delivery(delivery) for delivery in deliveries])


def _events(request: Request, instance_id: str | None) -> QuerySet[Event]:
    """The events that the caller may see. Raises NotFound for an instance that isn't his."""
    caller = request.auth
    assert isinstance(caller, Caller)  # noqa: S101 - the permission class has seen to it
    events = Event.objects.filter(organization=caller.organization)
    own = ElementInstance.objects.filter(organization=caller.organization)
    if not caller.organization_proven and caller.instance is not None:
        # An Element token alone speaks for its instance, and for no other of the organization.
        events, own = events.filter(instance=caller.instance), own.filter(pk=caller.instance.pk)
    if instance_id is None:
        # An Element token narrows the list to its instance.
        return events.filter(instance=caller.instance) if caller.instance else events
    key = _number(instance_id)
    own = own.filter(pk=key)
    if not own.exists():
        raise NotFound(f"No element instance found with id {instance_id}")
    return events.filter(instance_id=key)


def _body_size(event: Any) -> int:
    """The bytes of the body, as annotated."""
    return int(event.size)


def _event(request: Request, event_id: str, instance_id: str | None) -> Event:
    event = _events(request, instance_id).filter(pk=_number(event_id)).first()
    if event is None:
        raise NotFound(f"No event found with id {event_id}")
    return event


def _number(digits: str) -> int:
    """A path's id; 0, which no row has, for one that is too large for any."""
    number = int(digits) if len(digits) <= 19 else 0
    return number if number <= LARGEST_ID else 0


def _summary(event: Event, body: str) -> dict[str, Any]:
    message = json.loads(body)["message"]
    notified = event.status == EventStatus.NOTIFIED
    return {
        "id": str(event.pk),
        "eventDate": payload.timestamp(event.created_at),
        "status": event.status,
        "providerData": payload.compact(message["raw"]),
        "notifiedData": [{"message": message}] if notified else [],
        "objectType": event.object_type,
        "objects": event.objects_found,
        "instanceId": event.instance_id,
        "encodedid": base64.b64encode(str(event.instance_id).encode()).decode(),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    waits = delivery.status in {"created", "retry"}
    return {
        "id": delivery.pk,
        "eventId": str(delivery.event_id),
        "webhookId": delivery.webhook_id,
        "status": delivery.status,
        "url": delivery.subscription.url,
        "subscriptionActive": delivery.subscription.active,
        "deactivationReason": delivery.subscription.deactivation_reason,
        "createdDate": payload.timestamp(delivery.created_at),
        "updatedDate": payload.timestamp(delivery.updated_at) if delivery.updated_at else None,
        "nextAttemptDate": payload.timestamp(delivery.next_attempt_at) if waits else None,
        "attempts": [
            {
                "number": attempt.number,
                "date": payload.timestamp(attempt.started_at),
                "durationMs": attempt.duration_ms,
                "statusCode": attempt.status_code,
                "error": attempt.error,
                "response": attempt.response_excerpt,
            }
            for attempt in delivery.attempts.all()
        ],
    }
