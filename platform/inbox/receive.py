"""/inbox/{key}: takes what is sent to an account's inbox, and keeps it.

Anybody may send here who knows the key. Who doesn't is counted by address; who does, by inbox.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.request import Request

from api.errors import ApiError, BadRequest, NotFound, TooLarge, TooManyRequests, json_error
from api.throttle import count_refusal, take
from inbox.addresses import by_key
from inbox.checks import checks_of, unknown
from inbox.keep import Arrived, keep
from inbox.models import Inbox
from inbox.sender import Sender, sender_of
from instances.configuration import MASK
from transport import own_inbox

LARGEST_BODY = 36_000_000  # bytes that are read; far fewer are kept
MOST_HEADERS = 100
LONGEST_VALUE = 2_000  # characters of a header's value that are kept
LONGEST_NAME = 100
LONGEST_WEBHOOK_ID = 100
# Headers that are secret whoever sends them.
SECRET_NAMES = frozenset({"authorization", "proxy-authorization", "cookie"})
# How those begin that are shown of a sender that nobody knows: a customer names headers at will.
PLAIN = (
    "accept", "connection", "content-", "date", "elements-webhook-", "host", "user-agent",
    "webhook-", "x-request-id",
)  # fmt: skip
SECRET_WORDS = ("token", "secret", "password", "api-key", "apikey")
UNKNOWN = "no inbox has this address"


@csrf_exempt
@never_cache
@require_POST
def receive(request: HttpRequest, key: str) -> HttpResponse:
    try:
        _receive(request, key)
    except ApiError as error:
        answer = json_error(error.status, error.message)
        if isinstance(error, TooManyRequests):
            answer["Retry-After"] = str(error.wait)
        return answer
    return JsonResponse({"message": "kept in the inbox"})


def _receive(request: HttpRequest, key: str) -> None:
    inbox = by_key(key)
    if inbox is None:
        count_refusal(Request(request))
        raise NotFound(UNKNOWN)
    take(f"inbox {inbox.pk}", settings.THROTTLE_INBOX)
    body = _body(request)
    if keep(inbox, _arrived(request, inbox, key, body)) is None:
        raise NotFound(UNKNOWN)


def _body(request: HttpRequest) -> bytes:
    """All of it. Raises TooLarge, and BadRequest for one that breaks off."""
    try:
        body: bytes = request.read(LARGEST_BODY + 1)
    except UnreadablePostError as error:
        raise BadRequest("the body breaks off") from error
    if len(body) > LARGEST_BODY:
        raise TooLarge(f"the body is larger than {LARGEST_BODY} bytes")
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isdigit() and len(body) < int(announced):
        raise BadRequest("the body breaks off")
    return body


def _arrived(request: HttpRequest, inbox: Inbox, key: str, body: bytes) -> Arrived:
    now = timezone.now()
    webhook_id = _stored(request.headers.get("webhook-id", ""), LONGEST_WEBHOOK_ID)
    sender = sender_of(inbox.account, own_inbox.url_of(key), webhook_id, body, now)
    checks = (
        checks_of(sender.keys, request.headers, body, now) if sender.keys else unknown(sender.why)
    )
    return Arrived(
        received_at=now,
        headers=_headers(request, sender),
        body=body,
        checks=[one.shown() for one in checks],
        webhook_id=webhook_id,
        event_id=sender.event_id,
        instance_id=sender.instance_id,
    )


def _headers(request: HttpRequest, sender: Sender) -> list[list[str]]:
    """Names and values, those that are secret masked: what customers let send along is stored
    sealed, and not in clear by this."""
    return [
        [
            _stored(name, LONGEST_NAME),
            MASK if _is_secret(name.lower(), sender) else _stored(value, LONGEST_VALUE),
        ]
        for name, value in sorted(request.headers.items())[:MOST_HEADERS]
    ]


def _is_secret(name: str, sender: Sender) -> bool:
    return (
        name in SECRET_NAMES
        or any(word in name for word in SECRET_WORDS)
        or (
            not name.startswith(PLAIN) if sender.own_headers is None else name in sender.own_headers
        )
    )


def _stored(text: str, longest: int) -> str:
    """As PostgreSQL takes it, and no longer than that."""
    return text[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}")
