"""…/queue: what is queued is fetched by its receiver, and acknowledged."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import F, Func, IntegerField
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import BadRequest
from api.fields import json_object, texts
from api.paging import page_of
from api.schema import PAGED, documented, listed
from api.timestamp import timestamp
from events import callback_schema as schema
from events.fetch import MOST_ACKNOWLEDGED, acknowledge, waiting
from events.models import Delivery, Event, Subscription
from events.subscriptions_api import subscription_of
from instances.api import InstanceScopedView

PAGE = 100
BODY_SIZE = Func(F("event__body"), function="octet_length", output_field=IntegerField())


class InstanceQueueView(InstanceScopedView):
    @documented(
        "Fetch an instance's queued events",
        answer=listed(schema.FETCHED),
        example=[schema.FETCHED_EXAMPLE],
        pages=PAGED,
    )
    def get(self, request: Request, **path: str) -> Response:
        """Oldest first, until they are acknowledged: then ask for the first page again."""
        found = Subscription.objects.filter(instance=self.instance(request)).only("pk").first()
        return _page(request, found.pk if found else 0)


class InstanceAcknowledgeView(InstanceScopedView):
    @documented(
        "Acknowledge fetched events",
        request=schema.ACKNOWLEDGEMENT,
        request_example=schema.ACKNOWLEDGEMENT_EXAMPLE,
        answer=schema.ACKNOWLEDGED,
        example=schema.ACKNOWLEDGED_EXAMPLE,
    )
    def put(self, request: Request, **path: str) -> Response:
        """They count as delivered. What is not queued, or no longer, is passed over."""
        found = Subscription.objects.filter(instance=self.instance(request)).only("pk").first()
        return _acknowledged(request, found.pk if found else 0)


class SubscriptionQueueView(APIView):
    @documented(
        "Fetch a subscription's queued notifications",
        answer=listed(schema.FETCHED),
        example=[schema.FETCHED_EXAMPLE],
        pages=PAGED,
    )
    def get(self, request: Request, subscription_id: str) -> Response:
        """Oldest first, until they are acknowledged: then ask for the first page again."""
        return _page(request, subscription_of(request, subscription_id).pk)


class SubscriptionAcknowledgeView(APIView):
    @documented(
        "Acknowledge fetched notifications",
        request=schema.ACKNOWLEDGEMENT,
        request_example=schema.ACKNOWLEDGEMENT_EXAMPLE,
        answer=schema.ACKNOWLEDGED,
        example=schema.ACKNOWLEDGED_EXAMPLE,
    )
    def put(self, request: Request, subscription_id: str) -> Response:
        """They count as delivered. What is not queued, or no longer, is passed over."""
        return _acknowledged(request, subscription_of(request, subscription_id).pk)


def _page(request: Request, subscription_id: int) -> Response:
    # Bodies hold whole mails: a page is cut by their sizes before any is loaded.
    rows = waiting(subscription_id).annotate(size=BODY_SIZE).order_by("id")
    listing = page_of(request, rows, default_size=PAGE, size_of=_size)
    keys = [one.event_id for one in listing.rows]
    bodies = dict(Event.objects.filter(pk__in=keys).values_list("pk", "body"))
    found = [_fetched(one, bodies) for one in listing.rows if one.event_id in bodies]
    return Response(found, headers=listing.headers)


def _size(delivery: Any) -> int:
    """The bytes of the body, as annotated."""
    return int(delivery.size)


def _fetched(delivery: Delivery, bodies: dict[int, str]) -> dict[str, Any]:
    return {
        "id": delivery.pk,
        "webhookId": delivery.webhook_id,
        "notificationId": delivery.event_id,
        "createdDate": timestamp(delivery.created_at),
        "body": json.loads(bodies[delivery.event_id]),
    }


def _acknowledged(request: Request, subscription_id: int) -> Response:
    body = json_object(request.data)
    asked = texts(body, "webhookIds", longest=100, most=MOST_ACKNOWLEDGED)
    if asked is None:
        raise BadRequest("webhookIds is missing: it must be a list of those to acknowledge")
    return Response({"acknowledged": acknowledge(subscription_id, asked, timezone.now())})
