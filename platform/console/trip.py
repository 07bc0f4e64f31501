"""The way to a provider's consent page once more, and the way back from it."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from accounts.models import User
from accounts.reach import Reach
from api.errors import NotFound
from console.addresses import callback_url
from console.members import WRONG, for_buttons, for_members, instance_of
from console.paging import number
from console.reconnect import came_back
from instances import configuration as keys
from instances import oauth, provision, scopes, wish
from instances.oauth import TripFault
from instances.reason import Reason

LONGEST_CODE = 4_000  # characters


@for_buttons
def connect_again(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    """Repeats the trip of a failed try, or connects the named instance again."""
    wanted = kept_of(request, user, request.POST.get("again", ""))
    named = number(request.POST.get("instance", ""))
    if wanted is None and named is not None:
        wanted = oauth.Request(callback_url(), instance_id=named)
    if wanted is None:
        return redirect("console:catalogue")
    if request.POST.get("other_account"):
        wanted = replace(wanted, other_account=True)
    try:
        return redirect(oauth.begin(user, request.session, wanted))
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        return _failed(request, reach, oauth.TripError(str(error), TripFault.DETAILS))


@require_GET
@never_cache
def oauth_callback(request: HttpRequest) -> HttpResponseBase:
    """Where providers send people back to. A trip that a link began needs no signing in."""
    if token := oauth.token_of(request.session, request.GET.get("state", "")):
        return came_back(request, token)
    return _came_back(request)


@require_safe
@never_cache
def oauth_code(request: HttpRequest) -> HttpResponse:
    """Show the code that a provider sent back with, for a caller of the API to copy.

    For `callbackUrl` where nothing of one's own listens yet. Nothing is stored, and no signing in
    is needed: the page says what stands in its address.
    """
    came = {name: request.GET.get(name, "")[:LONGEST_CODE] for name in ("code", "state", "error")}
    answer = render(request, "console/oauth_code.html", came)
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@for_members
def _came_back(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    try:
        instance = oauth.finish(user, request.session, request.GET.dict())
    except oauth.TripError as error:
        return _failed(request, reach, error)
    if instance.reason_code == Reason.SCOPE_MISSING:
        return redirect("console:left-out", instance.pk)
    messages.success(request, "The account is connected.")
    return redirect("console:instance", instance.pk)


@require_safe
@for_members
def left_out(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """What does not work since boxes were left unticked on the provider's page."""
    instance = instance_of(reach, instance_id)
    credential = getattr(instance, "credential", None)
    element = keys.element_of(instance)
    granted = credential.scope if credential is not None else ""
    missing = scopes.missing(element, keys.without_secrets(instance), granted)
    context = {"instance": instance, "element": element, "missing": missing}
    return render(request, "console/left_out.html", context)


def kept_of(request: HttpRequest, user: User, trip: str) -> oauth.Request | None:
    """What an earlier trip of this user and session was made for."""
    trip_id = number(trip)
    return None if trip_id is None else oauth.kept(user, request.session, trip_id)


def _failed(request: HttpRequest, reach: Reach, error: oauth.TripError) -> HttpResponse:
    wanted = oauth.Request.from_text(error.trip.request) if error.trip else None
    context = {
        "error": error,
        "trip": error.trip,
        "wanted": wanted,
        "provider": _provider(reach, wanted),
        "callback_url": callback_url(),
    }
    return render(request, "console/trip_failed.html", context, status=400)


def _provider(reach: Reach, wanted: oauth.Request | None) -> str:
    """What the provider is called in sentences."""
    try:
        if wanted is not None and wanted.instance_id is not None:
            return keys.element_of(provision.find(reach, wanted.instance_id)).name
        if wanted is not None:
            return wish.element_of(reach, wanted.body, None).name
    except WRONG:
        pass  # it is gone: the sentences do without its name
    return "the provider"
