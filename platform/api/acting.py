"""Says who acts while a request is answered, for the audit log."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.models import User
from api.request_id import API_ROOT, current
from api.throttle import address_of
from audit.actor import Actor, acting
from audit.models import Source


class ActingMiddleware:
    """After Django's AuthenticationMiddleware. Costs nothing until something is written down."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with acting(lambda: _actor(request)):
            return self.get_response(request)


def _actor(request: HttpRequest) -> Actor:
    # REST framework puts the caller of the API here as well.
    user = request.user
    return Actor(
        user_id=user.pk if isinstance(user, User) else None,
        source=_source(request.path_info),
        address=address_of(request),
        request_id=current(),
    )


def _source(path: str) -> Source:
    if path.startswith(API_ROOT):
        return Source.API
    return Source.ADMIN if path.startswith(reverse("admin:index")) else Source.CONSOLE
