"""Tests of a callback, and switching what is sent to it off and on again.

Of an element instance, by its id or its Element token, and of a subscription of topics.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.errors import Conflict
from api.fields import flag
from api.schema import documented
from api.timestamp import timestamp
from events import callback_schema as schema
from events import trial
from events.models import Channel, Delivery, Subscription
from events.redeliver import send_again
from events.subscription import deactivate, reactivate
from events.subscriptions_api import subscription_of
from instances.api import InstanceScopedView
from instances.models import ElementInstance

SWITCHED_OFF = "switched off over the API"


class InstanceTestView(InstanceScopedView):
    @documented(
        "Send a test event to an instance's callback",
        answer=schema.TEST,
        example=schema.TEST_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request, **path: str) -> Response:
        """One real, signed attempt, made now and not again; whatever comes of it is a 200 that says
        so. Its body has `message.test` and no events. It changes nothing of the instance."""
        instance = self.instance(request)
        found = callback_of(instance)
        return Response(_tested(trial.of_instance(instance, found, timezone.now())))


class SubscriptionTestView(APIView):
    @documented(
        "Send a test to a subscription of topics",
        answer=schema.TEST,
        example=schema.TEST_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request, subscription_id: str) -> Response:
        """As of an instance: its body is a notification with `test`."""
        found = subscription_of(request, subscription_id)
        if found.instance is not None:
            callback_of(found.instance)
            return Response(_tested(trial.of_instance(found.instance, found, timezone.now())))
        if found.channel != Channel.WEBHOOK:
            raise Conflict(f"subscription {subscription_id} has no URL that could be tested")
        return Response(_tested(trial.of_topics(found, timezone.now())))


class InstanceActiveView(InstanceScopedView):
    @documented(
        "Switch sending to an instance's callback on again",
        answer=schema.ACTIVATION,
        example=schema.ACTIVATION_EXAMPLE,
        parameters=[schema.QUEUED],
        errors=[409],
    )
    def put(self, request: Request, **path: str) -> Response:
        """After it was deactivated, by failures or by DELETE. What is queued stays so, unless
        `queued` asks for it, too: at most 100,000 at once, oldest first."""
        return Response(_activated(request, callback_of(self.instance(request))))

    @documented("Switch sending to an instance's callback off", errors=[409])
    def delete(self, request: Request, **path: str) -> Response:
        """What waits, and what is found from then on, is queued."""
        deactivate(callback_of(self.instance(request)).pk, SWITCHED_OFF, timezone.now())
        return Response()


class SubscriptionActiveView(APIView):
    @documented(
        "Switch a subscription on again",
        answer=schema.ACTIVATION,
        example=schema.ACTIVATION_EXAMPLE,
        parameters=[schema.QUEUED],
        errors=[409],
    )
    def put(self, request: Request, subscription_id: str) -> Response:
        """As of an instance's callback."""
        return Response(_activated(request, subscription_of(request, subscription_id)))

    @documented("Switch a subscription off")
    def delete(self, request: Request, subscription_id: str) -> Response:
        """What waits, and what comes from then on, is queued."""
        found = subscription_of(request, subscription_id)
        deactivate(found.pk, SWITCHED_OFF, timezone.now())
        return Response()


def callback_of(instance: ElementInstance) -> Subscription:
    """The subscription of an instance that has a callback URL. Raises Conflict."""
    found = Subscription.objects.filter(instance=instance).exclude(url="").only("pk").first()
    if found is None:
        raise Conflict(
            f"element instance {instance.pk} has no event.notification.callback.url to send to"
        )
    found.organization_id = instance.organization_id
    return found


def _activated(request: Request, found: Subscription) -> dict[str, Any]:
    wants_queued = flag(request.query_params, "queued")
    if not reactivate(found.pk):
        raise Conflict(f"subscription {found.pk} has no URL to send to")
    sent = 0
    if wants_queued:
        sent = send_again(Delivery.objects.filter(subscription=found), timezone.now())
    return {"active": True, "sentAgain": sent}


def _tested(done: trial.Trial) -> dict[str, Any]:
    return {
        "notificationId": done.delivery.event_id,
        "webhookId": done.delivery.webhook_id,
        "url": done.url,
        "delivered": done.answer.delivered,
        "date": timestamp(done.started_at),
        "durationMs": done.duration_ms,
        "statusCode": done.answer.status,
        "error": done.answer.error,
        "response": done.answer.excerpt,
    }
