"""Says on whose behalf a request waits for providers, receivers and name servers, and what is
answered where too many wait already (transport.waiting)."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.models import User
from api.errors import ApiError, TooManyRequests, Unavailable
from api.throttle import address_of
from transport.shares import Owner
from transport.waiting import web_request

RETRY_AFTER = 2  # seconds


class WaitingMiddleware:
    """After Django's AuthenticationMiddleware. Costs nothing until a request waits."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with web_request(lambda: _owner(request), _refusal):
            return self.get_response(request)


def _owner(request: HttpRequest) -> Owner:
    """The organization; the client's address where none is known."""
    # REST framework puts the caller of the API here as well.
    user = request.user
    organization_id = user.organization_id if isinstance(user, User) else None
    return organization_id or address_of(request)


def _refusal(full: bool) -> ApiError:
    if full:
        return Unavailable(
            "too many requests are waiting for other servers' answers: try again in "
            f"{RETRY_AFTER} seconds",
            wait=RETRY_AFTER,
        )
    return TooManyRequests(
        "too many of the organization's requests are waiting for other servers' answers: try again "
        f"in {RETRY_AFTER} seconds, and send fewer at once",
        wait=RETRY_AFTER,
    )
