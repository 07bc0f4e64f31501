"""/events/{elementKey}: webhooks of providers, and poll events that somebody makes."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import caller_of
from api.errors import BadRequest, Forbidden, NotFound, Unauthorized, message_for
from api.fields import integer, json_object, text
from api.permissions import IsAnyCaller
from api.schema import documented
from api.throttle import client_of, count_refusal, take
from events import receiver, receiver_instances, receiver_schema, unsigned
from events.receiver_body import FORM, Sent
from events.receiver_instances import INSTANCES_HEADER
from events.receiver_upload import body_of
from instances.models import ElementInstance

MOST_RECORDS = 1_000  # of one poll event
OWN_WORDS = frozenset({"objectType", "instance_id", "request"})


class ProviderView(APIView):
    """Called by providers: they bring no secrets of ours, share their addresses with many, and
    accept what they please. Only what isn't proven is counted, by address."""

    authentication_classes = ()
    permission_classes = [AllowAny]
    throttle_classes = ()

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force=True)


class ReceiverView(ProviderView):
    """What these bring is a signature."""

    @documented(
        "Receive a provider's webhook",
        request=receiver_schema.ANY_BODY,
        request_example=receiver_schema.WEBHOOK_EXAMPLE,
        request_types=["application/json", FORM],
        parameters=[receiver_schema.INSTANCES],
        errors=[403, 422],
    )
    def post(self, request: Request, element_key: str, ref: str | None = None) -> Response:
        """For providers: docs/elements.md says how an element declares what they send.

        `ref` is the instance's id, plain or in Base64 (`encodedid` of its events). Without it the
        header says which instances it is for, or the body. It is stored before it is answered;
        the same sent again is answered alike. 401 where the signature is missing or wrong, 404
        for an element that is polled.

        At `/events/gmail` Cloud Pub/Sub pushes that a mailbox has changed, with a token in the
        Authorization header: 401 where it is missing or no good, 403 where it is somebody else's
        or the operator has named no sender. It makes the mailbox's next poll due.
        """
        header = request.headers.get(INSTANCES_HEADER, "")
        named = ref is not None or receiver_instances.names_few(header)
        with body_of(request._request, addressed=named) as body:
            _receive(request, element_key, ref, body)
        return Response()

    @documented(
        "Receive a provider's webhook that has no body",
        parameters=[receiver_schema.INSTANCES],
        errors=[403, 422],
    )
    def get(self, request: Request, element_key: str, ref: str | None = None) -> Response:
        """As POST; the query's parameters are the body, and the query as it came is signed."""
        _receive(request, element_key, ref, None)
        return Response()


class UnsignedView(ProviderView):
    """What these bring is the key in the address."""

    @documented(
        "Receive a webhook that its provider does not sign",
        request=receiver_schema.ANY_BODY,
        request_example=receiver_schema.WEBHOOK_EXAMPLE,
        request_types=["application/json", FORM],
        errors=[403],
    )
    def post(self, request: Request, element_key: str, key: str) -> Response:
        """The address is that of `/instances/{id}/unsigned-webhooks`. 404 for a key that is none,
        403 from a network that may not send, 429 beyond THROTTLE_UNSIGNED_WEBHOOKS a minute."""
        instance = _instance_at(request, element_key, key)
        with body_of(request._request, addressed=True) as body:
            receiver.receive_unsigned(instance, _sent(request, body), timezone.now())
        return Response()

    @documented("Receive a webhook that its provider does not sign, without a body", errors=[403])
    def get(self, request: Request, element_key: str, key: str) -> Response:
        """As POST; the query's parameters are the body. Without any nothing is told."""
        instance = _instance_at(request, element_key, key)
        receiver.receive_unsigned(instance, _sent(request, None), timezone.now())
        return Response()


def _instance_at(request: Request, element_key: str, key: str) -> ElementInstance:
    """Return the instance before its body is read. Raises NotFound, Forbidden, TooManyRequests."""
    try:
        found = unsigned.sent_to(element_key, key, client_of(request), timezone.now())
    except (NotFound, Forbidden):
        count_refusal(request)
        raise
    take(f"unsigned {found.pk}", settings.THROTTLE_UNSIGNED_WEBHOOKS)
    return found


def _receive(request: Request, element_key: str, ref: str | None, body: bytes | None) -> None:
    try:
        receiver.receive(element_key, ref, _sent(request, body), timezone.now())
    except (NotFound, Unauthorized, Forbidden):
        count_refusal(request)
        raise


def _sent(request: Request, body: bytes | None) -> Sent:
    """Return what was sent; without a body the query."""
    query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    return Sent(
        signed=query if body is None else body,
        media_type=FORM if body is None else media_type,
        headers=request.headers,
    )


class PollEventView(APIView):
    """POST /events/{elementKey}Polling/{ref}, and /events/{elementKey}/direct with a header Id."""

    permission_classes = [IsAnyCaller]

    @documented(
        "Make a poll event",
        request=receiver_schema.POLL_EVENT,
        request_example=receiver_schema.POLL_EVENT_EXAMPLE,
        parameters=[receiver_schema.ID],
    )
    def post(self, request: Request, element_key: str, ref: str | None = None) -> Response:
        """Records are told of as if a poll of the resource had found them just now.

        The list has the name that `objectType` says, and at most 1,000 records, each with the
        resource's id field. `changeType` in a record says what became of it; without one it was
        updated. Nothing is told while events, the instance or its user are off.
        """
        caller = caller_of(request)
        named = ref if ref is not None else request.headers.get("Id", "").strip()
        if not named:
            raise BadRequest("the header Id is missing: it names the element instance")
        instance = receiver_instances.own(element_key, named, caller.reach)
        proven = caller.organization_proven
        if not proven and (caller.instance is None or caller.instance.pk != instance.pk):
            raise NotFound(f"No element instance of {element_key} found with id {named}"[:300])
        body = json_object(request.data)
        if integer(body, "instance_id", default=instance.pk) != instance.pk:
            raise BadRequest(f"instance_id must be {instance.pk}, as the address says")
        object_type = text(body, "objectType", required=True, longest=100)
        receiver.record_poll(instance, object_type, _records(body, object_type), timezone.now())
        return Response()


def _records(body: dict[str, Any], object_type: str) -> list[dict[str, Any]]:
    if object_type in OWN_WORDS:
        raise BadRequest(f"objectType must be the name of a resource, not {object_type}")
    records = body.get(object_type)
    if not isinstance(records, list) or not records:
        raise BadRequest(f"{object_type} must be a list of records, as objectType names it")
    if len(records) > MOST_RECORDS:
        raise BadRequest(f"{object_type} has {len(records)} records; {MOST_RECORDS} are allowed")
    return [json_object(record, f"{object_type}[{place}]") for place, record in enumerate(records)]


class NothingView(APIView):
    """/events is the platform's, whatever resources an element has."""

    permission_classes = [AllowAny]

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotFound(message_for(404))
