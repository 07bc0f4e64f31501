"""/instances/…/events: what was found, how its delivery goes, and how much it was."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.db.models import F, Func, IntegerField, Prefetch, QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Account
from api.authentication import caller_of
from api.errors import BadRequest, Forbidden, NotFound
from api.fields import id_in_path, integer
from api.paging import latest_page_of, whole_list
from api.permissions import IsAnyCaller
from api.schema import PAGED, WHOLE, documented, listed
from api.timestamp import timestamp
from events import analytics, payload, period, schema
from events.listing import filtered
from events.models import Delivery, DeliveryAttempt, Event, EventStatus
from events.representation import delivery_with_attempts
from events.status import statuses_of
from instances.models import ElementInstance

MOST_ACCOUNTS = 100  # in one query
BODY_SIZE = Func(F("body"), function="octet_length", output_field=IntegerField())


class EventsView(APIView):
    """GET /instances/events (all within reach, or of the Element token's instance) and
    GET /instances/{id}/events: newest first; none is an empty list."""

    permission_classes = [IsAnyCaller]

    @documented(
        "List events",
        answer=listed(schema.EVENT),
        example=[schema.EVENT_EXAMPLE],
        parameters=schema.EVENT_FILTERS,
        pages=PAGED,
    )
    def get(self, request: Request, instance_id: str | None = None) -> Response:
        """Newest first. With an Element token, the events of its instance."""
        # Bodies hold whole mails: a page is cut by their sizes before any is loaded.
        events = _events(request, instance_id).defer("body").annotate(size=BODY_SIZE)
        parts = filtered(request.query_params, events)
        listing = latest_page_of(request, events, parts=parts, size_of=_body_size)
        bodies = dict(
            Event.objects.filter(pk__in=[event.pk for event in listing.rows]).values_list(
                "pk", "body"
            )
        )
        statuses = statuses_of(listing.rows)
        summaries = [
            _summary(event, statuses[event.pk], bodies[event.pk])
            for event in listing.rows
            if event.pk in bodies
        ]
        return Response(summaries, headers=listing.headers)


class EventView(APIView):
    """GET /instances/events/{eventId} and GET /instances/{id}/events/{eventId}."""

    permission_classes = [IsAnyCaller]

    @documented("Read an event", answer=schema.EVENT_DETAIL, example=schema.EVENT_DETAIL_EXAMPLE)
    def get(self, request: Request, event_id: str, instance_id: str | None = None) -> Response:
        event = _event(request, event_id, instance_id)
        found = [{"value": one["objectId"]} for one in event.objects_found]
        detail = _summary(event, statuses_of([event])[event.pk], event.body)
        detail["eventElementInstances"] = [
            {"instanceId": event.instance_id, "objectIds": found},
        ]
        return Response(detail)


class DeliveriesView(APIView):
    """GET …/events/{eventId}/deliveries: each with its attempts, oldest first."""

    permission_classes = [IsAnyCaller]

    @documented(
        "List the deliveries of an event",
        answer=listed(schema.EVENT_DELIVERY),
        example=[schema.EVENT_DELIVERY_EXAMPLE],
        pages=WHOLE,
    )
    def get(self, request: Request, event_id: str, instance_id: str | None = None) -> Response:
        event = _event(request, event_id, instance_id)
        attempts = DeliveryAttempt.objects.order_by("number")
        deliveries = (
            caller_of(request)
            .reach.rows(Delivery)
            .filter(event=event)
            .select_related("subscription")
            .defer("subscription__signature_key")
            .prefetch_related(Prefetch("attempts", queryset=attempts))
            .order_by("id")
        )
        return whole_list([delivery_with_attempts(delivery) for delivery in deliveries])


class AnalyticsView(APIView):
    """GET /instances/events/analytics: how many events each interval had."""

    permission_classes = [IsAnyCaller]

    @documented(
        "Count events by time",
        answer=listed(schema.COUNT),
        example=[schema.COUNT_EXAMPLE],
        parameters=schema.ANALYTICS,
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        """One bucket an interval, in UTC, those of `from` and `to` included whole."""
        return whole_list(analytics.count(_counted(request), _buckets(request)))


class InstanceAnalyticsView(APIView):
    permission_classes = [IsAnyCaller]

    @documented(
        "Count events by time and instance",
        answer=listed(schema.COUNT_BY_INSTANCE),
        example=[schema.COUNT_BY_INSTANCE_EXAMPLE],
        parameters=schema.ANALYTICS,
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        """`success` has arrived; `failed` is tried again or queued; the rest waits, or was only
        recorded."""
        return whole_list(analytics.count_by_instance(_counted(request), _buckets(request)))


class AccountAnalyticsView(APIView):
    permission_classes = [IsAnyCaller]

    @documented(
        "Count events by time and account",
        answer=listed(schema.COUNT_BY_ACCOUNT),
        example=[schema.COUNT_BY_ACCOUNT_EXAMPLE],
        parameters=schema.ANALYTICS,
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        """An event belongs to the account of the user who connected its instance."""
        return whole_list(analytics.count_by_account(_counted(request), _buckets(request)))


class DispositionsView(APIView):
    permission_classes = [IsAnyCaller]

    @documented(
        "List what became of events",
        answer=listed(schema.DISPOSITION),
        example=[schema.DISPOSITION_EXAMPLE],
        parameters=schema.ANALYTICS[:3],
        pages=PAGED,
    )
    def get(self, request: Request) -> Response:
        """Newest first. `interval` widens `from` and `to` to whole intervals."""
        asked = _buckets(request)
        attempts = DeliveryAttempt.objects.order_by("number")
        own = caller_of(request).reach.rows(Delivery)
        deliveries = own.prefetch_related(Prefetch("attempts", queryset=attempts))
        events = (
            _events(request, None)
            .filter(created_at__gte=asked[0].start, created_at__lt=asked[-1].end)
            .only("id", "instance", "created_at")
            .prefetch_related(Prefetch("deliveries", queryset=deliveries))
        )
        listing = latest_page_of(request, events)
        return Response([_disposition(event) for event in listing.rows], headers=listing.headers)


def _counted(request: Request) -> analytics.Counted:
    """Whose events are to be counted. Raises Forbidden for an account out of reach."""
    caller = caller_of(request)
    asked = _account_ids(request)
    reach = caller.reach
    own = Account.objects.filter(organization=reach.organization, pk__in=asked)
    if reach.account_id is not None:
        own = own.filter(pk=reach.account_id)
    if asked - set(own.values_list("pk", flat=True)):
        raise Forbidden("accountIds[] names an account that is not yours to see")
    if reach.account_id is not None:
        asked = {reach.account_id}
    return analytics.Counted(
        caller.organization.pk,
        caller.instance.pk if caller.instance else None,
        sorted(asked) if asked else None,
    )


def _account_ids(request: Request) -> set[int]:
    given = [text for text in request.query_params.getlist("accountIds[]") if text.strip()]
    if len(given) > MOST_ACCOUNTS:
        raise BadRequest(f"accountIds[] is given {len(given)} times; {MOST_ACCOUNTS} are allowed")
    found = (integer({"accountIds[]": text}, "accountIds[]") for text in given)
    return {number for number in found if number is not None}


def _buckets(request: Request) -> list[period.Bucket]:
    return period.buckets(request.query_params, timezone.now())


def _events(request: Request, instance_id: str | None) -> QuerySet[Event]:
    """The events that the caller may see. Raises NotFound for an instance that isn't his."""
    caller = caller_of(request)
    events, own = caller.reach.rows_of_instances(Event), caller.reach.rows(ElementInstance)
    if not caller.organization_proven and caller.instance is not None:
        # An Element token alone speaks for its instance, and for no other of the organization.
        events, own = events.filter(instance=caller.instance), own.filter(pk=caller.instance.pk)
    if instance_id is None:
        # An Element token narrows the list to its instance.
        return events.filter(instance=caller.instance) if caller.instance else events
    key = id_in_path(instance_id)
    own = own.filter(pk=key)
    if not own.exists():
        raise NotFound(f"No element instance found with id {instance_id}")
    return events.filter(instance_id=key)


def _body_size(event: Any) -> int:
    """The bytes of the body, as annotated."""
    return int(event.size)


def _event(request: Request, event_id: str, instance_id: str | None) -> Event:
    event = _events(request, instance_id).filter(pk=id_in_path(event_id)).first()
    if event is None:
        raise NotFound(f"No event found with id {event_id}")
    return event


def _summary(event: Event, status: str, body: str) -> dict[str, Any]:
    message = json.loads(body)["message"]
    return {
        "id": str(event.pk),
        "eventDate": timestamp(event.created_at),
        "status": status,
        "providerData": payload.compact(message["raw"]),
        "notifiedData": [{"message": message}] if status == EventStatus.NOTIFIED else [],
        "objectType": event.object_type,
        "objects": event.objects_found,
        "instanceId": event.instance_id,
        "encodedid": base64.b64encode(str(event.instance_id).encode()).decode(),
    }


def _disposition(event: Event) -> dict[str, Any]:
    return {
        "eventId": str(event.pk),
        "elementInstanceId": event.instance_id,
        "notificationData": [
            {"message": message}
            for delivery in event.deliveries.all()
            for message in _messages(delivery)
        ],
    }


def _messages(delivery: Delivery) -> list[str]:
    """What each attempt came to, in a sentence."""
    return [
        f"Delivered event, attempt {attempt.number}: answered {attempt.status_code}"
        if not attempt.error
        else f"Error delivering event, attempt {attempt.number}: {attempt.error}"
        for attempt in delivery.attempts.all()
    ]
