"""The redirect from http to https, and what is wrong where it would never end.

A proxy that ends TLS asks this server over plain http. Unless it says that the client came over
https, and the settings say to believe it, each request is redirected to where it came from.
"""

from __future__ import annotations

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.security import SecurityMiddleware
from rest_framework.settings import api_settings

from api.errors import json_error
from api.request_id import API_ROOT

BELIEVE_THE_PROXY = (
    "a proxy in front says that this request came over https, but the setting BEHIND_TLS_PROXY "
    "is off, so the redirect to https would never end. Set BEHIND_TLS_PROXY=true and restart the "
    "web server"
)
LET_THE_PROXY_SAY = (
    "the setting BEHIND_TLS_PROXY is on, but the request has no X-Forwarded-Proto header, so the "
    "redirect to https would never end. Let the proxy in front set it; with nginx: "
    "proxy_set_header X-Forwarded-Proto $scheme;"
)
COUNT_THE_PROXIES = (
    "requests come with X-Forwarded-For, but the setting PROXIES is 0: all clients behind the "
    "proxy are limited as if they were one. Set PROXIES to the number of proxies in front"
)
LET_THE_PROXY_NAME_CLIENTS = (
    "the setting PROXIES is above 0, but requests come through the proxy without X-Forwarded-For: "
    "all clients are limited as if they were one. Let the proxy set it; with nginx: "
    "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
)
log = structlog.get_logger()
_logged: set[str] = set()


class TlsRedirectMiddleware(SecurityMiddleware):
    """Does what Django's does, and answers 400 with the reason in place of an endless redirect.

    Each fault of the proxy's set-up is logged once a process.
    """

    def process_request(  # type: ignore[override]  # Django's answers redirects alone
        self, request: HttpRequest
    ) -> HttpResponseBase | None:
        if fault := _fault_of_identity(request):
            _log_once(fault)
        redirect = super().process_request(request)
        if redirect is None or (fault := _fault_of_redirect(request)) is None:
            return redirect
        _log_once(fault)
        if request.path_info.startswith(API_ROOT):
            return json_error(400, fault)
        return HttpResponse(f"{fault}.\n", status=400, content_type="text/plain; charset=utf-8")


def _fault_of_redirect(request: HttpRequest) -> str | None:
    if settings.SECURE_PROXY_SSL_HEADER:
        return None if "X-Forwarded-Proto" in request.headers else LET_THE_PROXY_SAY
    first = request.headers.get("X-Forwarded-Proto", "").partition(",")[0]
    return BELIEVE_THE_PROXY if first.strip().lower() == "https" else None


def _fault_of_identity(request: HttpRequest) -> str | None:
    if "X-Forwarded-For" in request.headers:
        return None if api_settings.NUM_PROXIES else COUNT_THE_PROXIES
    came_through_proxy = settings.SECURE_PROXY_SSL_HEADER and request.is_secure()
    return LET_THE_PROXY_NAME_CLIENTS if came_through_proxy else None


def _log_once(fault: str) -> None:
    if fault not in _logged:
        _logged.add(fault)
        log.warning("web.proxy_set_up", fault=fault)
