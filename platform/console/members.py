"""Who may see a page: users of an organization, signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts.models import Account, User
from accounts.reach import Reach, reach_of
from api.errors import ApiError, NotFound
from console import fragment
from elements.errors import ConfigurationError, ElementNotFound
from encryption.keys import UnsealError
from instances import provision
from instances.models import ElementInstance

Page: TypeAlias = Callable[..., HttpResponseBase]
# What a person did wrong, or asked for in vain; its text is for them.
WRONG = (ApiError, ConfigurationError, ElementNotFound, UnsealError)


def for_members(page: Page) -> Page:
    """Calls page(request, user, reach, …) for users of an organization, signed in.

    Where a part of a page asks for somebody who was signed out meanwhile, the whole page is loaded
    anew, which leads to signing in and back.
    """

    @never_cache
    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not user.is_authenticated:
            return _to_signing_in(request)
        if not isinstance(user, User) or user.organization is None:
            return render(request, "console/no_organization.html", status=403)
        return page(request, user, reach_of(user, user.organization), *args, **kwargs)

    return guarded


def for_buttons(page: Page) -> Page:
    """As `for_members`, for what a form sends. Who comes by the address alone, as by loading the
    page anew, is told that there is nothing at it."""
    return posted_only(for_members(page))


def posted_only(page: Page) -> Page:
    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            return page(request, *args, **kwargs)
        answer = render(request, "405.html", status=405)
        answer["Allow"] = "POST"
        return answer

    return guarded


def _to_signing_in(request: HttpRequest) -> HttpResponse:
    if fragment.is_wanted(request):
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    if request.method == "POST":
        messages.warning(
            request, "You were signed out before it was done: sign in and do it again."
        )
        return redirect_to_login(_came_from(request))
    return redirect_to_login(request.get_full_path())


def _came_from(request: HttpRequest) -> str:
    """The page that a form was sent from: the form's own address often has none."""
    url = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, request.is_secure()):
        return reverse("console:home")
    parts = urlsplit(url)
    return parts._replace(scheme="", netloc="", fragment="").geturl()


def account_of(user: User) -> Account:
    """Return the account of a user whom `for_members` has let in."""
    assert user.account is not None  # noqa: S101 - every user of an organization is in one
    return user.account


def instance_of(reach: Reach, instance_id: int) -> ElementInstance:
    """Raises Http404 where no instance of this id is within reach."""
    try:
        return provision.find(reach, instance_id)
    except NotFound as error:
        raise Http404 from error
