"""…/signature-key: another key for an instance's events, or for a subscription of topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller_of
from api.errors import BadRequest, Conflict
from api.fields import integer, json_object, text
from api.schema import documented
from api.timestamp import timestamp
from events import notification_schema as schema
from events import signing_key
from events.models import Channel, Subscription
from events.subscriptions_api import subscription_of
from instances import whsec
from instances.configuration import DEFAULT_OVERLAP, LONGEST_OVERLAP, MASK
from instances.view import addressed_instance

LONGEST_KEY = 500  # characters


@dataclass(frozen=True, slots=True)
class Wanted:
    key: str = field(repr=False)
    overlap: timedelta


class InstanceKeyView(APIView):
    @documented(
        "Give an instance another signature key",
        request=schema.SIGNATURE_KEY_WANTED,
        request_example=schema.SIGNATURE_KEY_WANTED_EXAMPLE,
        answer=schema.SIGNATURE_KEY,
        example=schema.SIGNATURE_KEY_EXAMPLE,
    )
    def post(self, request: Request, instance_id: str) -> Response:
        """The old key goes on signing for `overlapSeconds` (a day unless given): until its end,
        `webhook-signature` has a signature of each, and `Elements-Webhook-Signature`, which can
        hold one, is made with the old key. Without `signatureKey` one is made. It is answered this
        once."""
        organization = caller_of(request).organization
        found = addressed_instance(request, instance_id)
        wanted = _wanted(request.data)
        until = signing_key.rotate(
            organization, found.pk, wanted.key, wanted.overlap, timezone.now()
        )
        return Response(_answer(wanted, until))

    @documented("End an instance's old signature keys")
    def delete(self, request: Request, instance_id: str) -> Response:
        """At once: the present key alone signs from the next attempt on."""
        found = addressed_instance(request, instance_id)
        for subscription in Subscription.objects.filter(instance=found).only("pk"):
            signing_key.end_retired(subscription.pk)
        return Response()


class SubscriptionKeyView(APIView):
    @documented(
        "Give a subscription of topics another signature key",
        request=schema.SIGNATURE_KEY_WANTED,
        request_example=schema.SIGNATURE_KEY_WANTED_EXAMPLE,
        answer=schema.SIGNATURE_KEY,
        example=schema.SIGNATURE_KEY_EXAMPLE,
        errors=[409],
    )
    def post(self, request: Request, subscription_id: str) -> Response:
        """As of an instance: the old key goes on signing for `overlapSeconds`."""
        found = _of_topics(request, subscription_id)
        wanted = _wanted(request.data)
        until = signing_key.rotate_of_topics(found.pk, wanted.key, wanted.overlap, timezone.now())
        return Response(_answer(wanted, until))

    @documented("End a subscription's old signature keys", errors=[409])
    def delete(self, request: Request, subscription_id: str) -> Response:
        signing_key.end_retired(_of_topics(request, subscription_id).pk)
        return Response()


def _of_topics(request: Request, subscription_id: str) -> Subscription:
    found = subscription_of(request, subscription_id)
    if found.instance_id is not None:
        raise Conflict(
            f"subscription {subscription_id} follows the configuration of element instance "
            f"{found.instance_id}: use /instances/{found.instance_id}/signature-key"
        )
    if found.channel != Channel.WEBHOOK:
        raise Conflict(f"subscription {subscription_id} is of e-mails, which are not signed")
    return found


def _wanted(body: Any) -> Wanted:
    """Reads {"signatureKey", "overlapSeconds"}, both optional. Raises BadRequest."""
    given: Mapping[str, Any] = json_object(body) if body else {}
    key = text(given, "signatureKey", longest=LONGEST_KEY)
    if key == MASK:
        raise BadRequest("signatureKey must be the key itself, or absent to have one made")
    whsec.check(key, "signatureKey")
    seconds = integer(given, "overlapSeconds", most=LONGEST_OVERLAP, default=DEFAULT_OVERLAP)
    assert seconds is not None  # noqa: S101 - it has a default
    return Wanted(key or signing_key.new_key(), timedelta(seconds=seconds))


def _answer(wanted: Wanted, until: datetime | None) -> dict[str, Any]:
    return {"signatureKey": wanted.key, "previousUntil": timestamp(until)}
