"""Against guessing of passwords, on every page that asks for one: the console's and the admin's.

Rule 1: failures are counted by name and address together (django-axes). So nobody locks a person
out from somewhere else, and an office is not locked out by one of its people.
Rule 2: who tries many names is held by the requests that one address has a minute.
Rule 3: the API is called with secrets of 128 bits and more, in a header: it never comes here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.models import AccessAttempt
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import User
from api import throttle
from api.errors import TooManyRequests

LONGEST_NAME = 255  # characters, of axes' column
WAIT = "sign_in_wait"  # what a request is marked with: seconds


class GuessingBackend(AxesStandaloneBackend):
    """Lets nobody in by itself; stops who has guessed too often."""

    def authenticate(self, request: HttpRequest | None, *args: Any, **kwargs: Any) -> None:
        if request is None:
            return  # code of ours asks, nobody's request
        try:
            take(request)
        except TooManyRequests as error:
            setattr(request, WAIT, error.wait)
            request.axes_locked_out = True  # type: ignore[attr-defined]  # axes asks for it
            raise PermissionDenied from error
        super().authenticate(request, *args, **kwargs)


def take(request: HttpRequest) -> None:
    """Counts a request that tries a password or an address. Raises TooManyRequests."""
    throttle.take(f"sign-ins {throttle.address_of(request)}", settings.THROTTLE_SIGN_INS)


def succeeded(request: HttpRequest, user: User) -> None:
    """Forget what failed from here, where the name is the user's alone.

    Else somebody who has a user of the same unverified address could go on guessing at others' by
    signing in to it in between.
    """
    if User.objects.of_address(user.username).count() == 1:
        tries = AccessAttempt.objects.filter(username=user.username)
        tries.filter(ip_address=address_of(request)).delete()


def forgive(user: User) -> None:
    """Forgets the failures of a person who has proven to be that person."""
    AccessAttempt.objects.filter(username=user.username).delete()


# --- What axes asks for --------------------------------------------------------------------------


def address_of(request: HttpRequest) -> str | None:
    """The client's address as a column of addresses takes it; of IPv6 its network's first."""
    try:
        return str(ip_network(throttle.address_of(request)).network_address)
    except ValueError:
        return None


def name_typed(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The name that a sign-in is tried with, in the form that users have it in."""
    typed = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(typed).replace("\0", "").strip().lower()[:LONGEST_NAME]


def refused(
    request: HttpRequest, response: HttpResponse | None, credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """The page that says when to try again: 429, with Retry-After."""
    now = timezone.now()
    wait = getattr(request, WAIT, None)
    until = _until(request, credentials, now) if wait is None else now + timedelta(seconds=wait)
    context = {"until": until, "failures": settings.AXES_FAILURE_LIMIT, "guessed": wait is None}
    answer = render(request, "console/sign_in_refused.html", context, status=429)
    answer["Retry-After"] = str(max(1, math.ceil((until - now).total_seconds())))
    return answer


def _until(request: HttpRequest, credentials: Mapping[str, Any] | None, now: datetime) -> datetime:
    tries = AccessAttempt.objects.filter(
        username=name_typed(request, credentials), ip_address=address_of(request)
    )
    latest = tries.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return (latest or now) + settings.AXES_COOLOFF_TIME
