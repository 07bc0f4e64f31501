"""Tests of a callback, switching what is sent to it off and on, and sending what failed again.

Of an element instance, by its id or its Element token, and of a subscription of topics.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller_of
from api.errors import BadRequest, Conflict
from api.fields import flag
from api.schema import documented
from api.timestamp import timestamp
from events import callback_schema as schema
from events import period, trial
from events.models import Channel, Delivery, Subscription
from events.redeliver import count_events, failed_between, send_again
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


class InstanceFailedView(InstanceScopedView):
    @documented(
        "Count an instance's events that were not delivered",
        answer=schema.FAILED,
        example=schema.FAILED_EXAMPLE,
        parameters=[schema.FROM, schema.TO],
    )
    def get(self, request: Request, **path: str) -> Response:
        """Of the events of a time, those that PUT sends again: whose delivery was given up, or is
        held back while delivery is off. What is retried automatically is none of them."""
        return _failed(request, self._deliveries(request))

    @documented(
        "Send an instance's events again that were not delivered",
        answer=schema.RESENT,
        example=schema.RESENT_EXAMPLE,
        parameters=[schema.FROM, schema.TO],
    )
    def put(self, request: Request, **path: str) -> Response:
        """Each once, in the order of the events, under the webhook-id that it had, with a new round
        of retries. Delivery that was switched off is switched on again. At most 100,000 at once,
        the oldest; asked again, the rest."""
        return _resent(request, self._deliveries(request))

    def _deliveries(self, request: Request) -> QuerySet[Delivery]:
        return Delivery.objects.filter(subscription__instance=self.instance(request))


class AllFailedView(APIView):
    @documented(
        "Count all that was not delivered",
        answer=schema.FAILED,
        example=schema.FAILED_EXAMPLE,
        parameters=[schema.FROM, schema.TO],
    )
    def get(self, request: Request) -> Response:
        """As of an instance, of all that the caller may see: notifications of topics, too."""
        return _failed(request, caller_of(request).reach.rows(Delivery))

    @documented(
        "Send all again that was not delivered",
        answer=schema.RESENT,
        example=schema.RESENT_EXAMPLE,
        parameters=[schema.FROM, schema.TO],
    )
    def put(self, request: Request) -> Response:
        """As of an instance, of all that the caller may see."""
        return _resent(request, caller_of(request).reach.rows(Delivery))


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


def _failed(request: Request, deliveries: QuerySet[Delivery]) -> Response:
    start, end = _period(request)
    events = count_events(failed_between(deliveries, start, end))
    return Response({"from": timestamp(start), "to": timestamp(end), "events": events})


def _resent(request: Request, deliveries: QuerySet[Delivery]) -> Response:
    start, end = _period(request)
    sent = send_again(failed_between(deliveries, start, end), timezone.now())
    return Response({"from": timestamp(start), "to": timestamp(end), "sentAgain": sent})


def _period(request: Request) -> tuple[datetime, datetime]:
    """Raises BadRequest."""
    start = period.moment(request.query_params, "from")
    if start is None:
        raise BadRequest("from is missing: the time since when events are to be sent again")
    end = period.moment(request.query_params, "to", end_of_day=True) or timezone.now()
    if start > end:
        raise BadRequest("from must not be later than to")
    return start, end


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
