"""/health/live, /health/ready, /health/work and /metrics, for machines.

Three questions and not one: a process that hangs is restarted, one without a database gets no
requests, and where the worker is dead somebody must come, while the web server goes on serving.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address

from django.conf import settings
from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from monitoring import checks, metrics, readiness, watch

FORWARDED = {"X-Forwarded-For", "Forwarded"}


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return _answer({})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """It can serve requests: the database answers, has all tables and takes what is written."""
    return _answer(readiness.faults())


@never_cache
@require_safe
def work(request: HttpRequest) -> HttpResponse:
    """What should have run has run. A stall of polling is told of, where nobody has yet."""
    now = timezone.now()
    try:
        found = checks.faults(now)
        if "polling" in found:
            watch.tell_stalls(now)
    except Error as error:
        found = readiness.unavailable(error)
    return _answer(found)


@never_cache
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    if not _may_see(request):
        return HttpResponse(
            "Set METRICS_TOKEN and send it as Authorization: Bearer.\n",
            status=403,
            content_type="text/plain",
        )
    try:
        text = metrics.exposition(timezone.now())
    except Error:
        text = metrics.without_database()
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def _answer(faults: dict[str, str]) -> JsonResponse:
    if faults:
        return JsonResponse({"status": "failing", "faults": faults}, status=503)
    return JsonResponse({"status": "ok"})


def _may_see(request: HttpRequest) -> bool:
    """Whether the token came along; without one, in development, whether this machine asks.

    Behind a proxy on this machine everybody asks from here, and not every proxy says that it is
    one: production shows nothing without the token.
    """
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        wanted = f"Bearer {settings.METRICS_TOKEN}"
        return hmac.compare_digest(given.encode(), wanted.encode())
    if settings.PRODUCTION or FORWARDED & request.headers.keys():
        return False
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
