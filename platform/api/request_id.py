"""Gives each request an id, and every answer the headers that all answers share."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from counters import counting
from counters.families import REQUEST_DURATION, REQUESTS

HEADER = "Elements-Request-Id"
CONTENT_TYPE = "application/json;charset=UTF-8"
API_ROOT = "/elements/"
WEBHOOKS = "/elements/api-v2/events/"
EXPOSED_HEADERS = (
    "Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, "
    "Elements-Next-Page-Token, Elements-Trace-Id, Elements-Error, Content-Disposition"
)

PARTS = ((API_ROOT, "api"), ("/inbox/", "inbox"), ("/health/", "probes"), ("/metrics", "probes"))

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request being answered: 24 hexadecimal digits; empty outside of one."""
    return _current.get()


class RequestIdMiddleware:
    """Binds a request id for logs and errors, and completes the answer.

    Below /elements/ every error leaves as JSON, also one that Django made before or beside our
    views (unknown host, unknown path), and JSON names its content type as clients know it.
    A body that is too large or has no announced length is refused everywhere, unread.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        request_id = secrets.token_hex(12)
        token = _current.set(request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            response = self._completed(
                request, self._refused(request) or self.get_response(request)
            )
            _count(request, response, time.monotonic() - began)
            return response
        finally:
            structlog.contextvars.clear_contextvars()
            _current.reset(token)

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        """An answer to what no view could read right, or should, or None."""
        from api.errors import json_error

        query = request.META.get("QUERY_STRING", "")
        if request.path_info.startswith(API_ROOT) and (
            "\0" in request.path_info or "\0" in query or "%00" in query
        ):
            return json_error(400, "the address must not contain NUL characters (%00)")
        length = request.META.get("CONTENT_LENGTH") or ""
        if request.META.get("HTTP_TRANSFER_ENCODING") and not length:
            return json_error(411, "send the body with a Content-Length header, not in chunks")
        # JSON is read once the caller is known, and as far as the endpoint takes it (api.parsers).
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        if request.content_type == "application/json":
            limit = settings.HUB_BODY_LIMIT
        if request.path_info.startswith(WEBHOOKS):  # of any type: events.receiver_upload
            limit = max(limit, settings.WEBHOOK_BODY_LIMIT)
        if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > limit):
            # Django's own limit leaves out files, which it would write to disk, for anybody.
            return json_error(413, f"the body is larger than {limit} bytes")
        return None

    def _completed(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.path_info.startswith(API_ROOT):
            # Not application/jsonl, which begins the same.
            is_json = response.get("Content-Type", "").partition(";")[0] == "application/json"
            if response.status_code >= 400 and not is_json:
                response = self._as_json(response)
            elif is_json:
                response["Content-Type"] = CONTENT_TYPE
        response[HEADER] = current()
        if "Origin" in request.headers:
            response["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        return response

    def _as_json(self, response: HttpResponseBase) -> HttpResponse:
        from api.errors import json_error, message_for

        replaced = json_error(response.status_code, message_for(response.status_code))
        for name in ("Allow", "Retry-After"):
            if name in response:
                replaced[name] = response[name]
        return replaced


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    path = request.path_info
    part = next((name for prefix, name in PARTS if path.startswith(prefix)), "pages")
    counting.count(REQUESTS, part, f"{response.status_code // 100}xx")
    counting.observe(REQUEST_DURATION, [seconds], part)
