"""Which of two meanings a short path has: `/accounts` may be the platform's or the element's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from api.authorization import MalformedAuthorization, parse
from api.openapi import PREFIX
from hubs.api import OperationView
from instances import lookup
from instances.configuration import element_of

# The platform's roots that an element may have a resource of the same name for. All others, and
# /accounts/settings, are the platform's whoever asks.
SHARED_ROOTS = ("accounts", "users", "bulk")
OWN_PATHS = ("accounts/settings",)

View = Callable[..., HttpResponseBase]


class ElementFirstMiddleware(MiddlewareMixin):
    """With an Element token, a shared path is the element's resource where it has one."""

    def process_view(
        self, request: HttpRequest, view: View, args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        path = request.path_info.removeprefix(PREFIX).strip("/")
        if not request.path_info.startswith(f"{PREFIX}/") or not _shared(path):
            return None
        token = _element_token(request)
        instance = lookup.by_token(token) if token else None
        if instance is None or not element_of(instance).methods(f"/{path}"):
            return None
        return OperationView.as_view()(request, path=path)


def _shared(path: str) -> bool:
    return path.split("/", 1)[0] in SHARED_ROOTS and path not in OWN_PATHS


def _element_token(request: HttpRequest) -> str | None:
    try:
        return parse(request.META.get("HTTP_AUTHORIZATION", "")).element
    except MalformedAuthorization:
        return None
