"""The way to a provider's consent page once more, and the way back from it."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Organization, User
from api.errors import NotFound
from console.addresses import callback_url
from console.members import WRONG, for_members
from console.reconnect import came_back
from instances import oauth


@require_POST
@for_members
def connect_again(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    """Repeats the trip of a failed try, or connects the named instance again."""
    wanted = kept_of(request, user, request.POST.get("again", ""))
    named = request.POST.get("instance", "")
    if wanted is None and named.isascii() and named.isdigit():
        wanted = oauth.Request(callback_url(), instance_id=int(named[:18]))
    if wanted is None:
        return redirect("console:catalogue")
    try:
        return redirect(oauth.begin(user, request.session, wanted))
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        return _failed(request, oauth.TripError(str(error), "Change the details and try again."))


@require_GET
@never_cache
def oauth_callback(request: HttpRequest) -> HttpResponseBase:
    """Where providers send people back to. A trip that a link began needs no signing in."""
    if token := oauth.token_of(request.session, request.GET.get("state", "")):
        return came_back(request, token)
    return _came_back(request)


@for_members
def _came_back(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    try:
        instance = oauth.finish(user, request.session, request.GET.dict())
    except oauth.TripError as error:
        return _failed(request, error)
    messages.success(request, "The account is connected.")
    return redirect("console:instance", instance.pk)


def kept_of(request: HttpRequest, user: User, trip: str) -> oauth.Request | None:
    """What an earlier trip of this user and session was made for."""
    if not (trip.isascii() and trip.isdigit() and len(trip) < 19):
        return None
    return oauth.kept(user, request.session, int(trip))


def _failed(request: HttpRequest, error: oauth.TripError) -> HttpResponse:
    wanted = oauth.Request.from_text(error.trip.request) if error.trip else None
    context = {"error": error, "trip": error.trip, "wanted": wanted}
    return render(request, "console/trip_failed.html", context, status=400)
