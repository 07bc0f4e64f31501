"""Who may see a page: users of an organization, signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from accounts.models import Organization, User
from api.errors import ApiError, NotFound
from console import fragment
from elements.errors import ConfigurationError, ElementNotFound
from instances import provision
from instances.models import ElementInstance

Page: TypeAlias = Callable[..., HttpResponseBase]
# What a person did wrong, or asked for in vain; its text is for them.
WRONG = (ApiError, ConfigurationError, ElementNotFound)


def for_members(page: Page) -> Callable[..., HttpResponseBase]:
    """Calls page(request, user, organization, …) for users of an organization, signed in.

    Where a part of a page asks for somebody who was signed out meanwhile, the whole page is loaded
    anew, which leads to signing in and back.
    """

    @login_required
    def of_member(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if not isinstance(user, User) or user.organization is None:
            return render(request, "console/no_organization.html", status=403)
        return page(request, user, user.organization, *args, **kwargs)

    @never_cache
    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if fragment.is_wanted(request) and not request.user.is_authenticated:
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return of_member(request, *args, **kwargs)

    return guarded


def instance_of(organization: Organization, instance_id: int) -> ElementInstance:
    """Raises Http404 where the organization has no instance of this id."""
    try:
        return provision.find(organization, instance_id)
    except NotFound as error:
        raise Http404 from error
