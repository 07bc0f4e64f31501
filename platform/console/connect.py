"""The way over the provider's consent page: the form, the trip, and the way back."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Organization, User
from api.errors import NotFound
from console.addresses import callback_url
from console.forms import ConnectForm
from console.members import WRONG, for_members
from console.reconnect import came_back
from instances import oauth


@require_http_methods(["GET", "POST"])
@for_members
def connect(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    trip = request.POST.get("again") or request.GET.get("again") or ""
    kept = _kept(request, user, trip)
    body = kept.body if kept and kept.instance_id is None else None
    if request.method != "POST":
        return _connect_page(request, ConnectForm(kept=body), trip)
    form = ConnectForm(request.POST, kept=body)
    if not form.is_valid():
        return _connect_page(request, form, trip, status=400)
    wanted = oauth.Request(callback_url(), form.body(callback_url()))
    try:
        return redirect(oauth.begin(user, request.session, wanted))
    except WRONG as error:
        form.show_fault(str(error))
        return _connect_page(request, form, trip, status=400)


def _connect_page(
    request: HttpRequest, form: ConnectForm, trip: str, status: int = 200
) -> HttpResponse:
    context = {"form": form, "again": trip, "callback_url": callback_url()}
    return render(request, "console/connect.html", context, status=status)


@require_POST
@for_members
def connect_again(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    """Repeats the trip of a failed try, or connects the named instance again."""
    wanted = _kept(request, user, request.POST.get("again", ""))
    named = request.POST.get("instance", "")
    if wanted is None and named.isascii() and named.isdigit():
        wanted = oauth.Request(callback_url(), instance_id=int(named[:18]))
    if wanted is None:
        return redirect("console:connect")
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
    return _connected(request)


@for_members
def _connected(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    try:
        instance = oauth.finish(user, request.session, request.GET.dict())
    except oauth.TripError as error:
        return _failed(request, error)
    messages.success(request, "The account is connected.")
    return redirect("console:instance", instance.pk)


def _kept(request: HttpRequest, user: User, trip: str) -> oauth.Request | None:
    if not (trip.isascii() and trip.isdigit() and len(trip) < 19):
        return None
    return oauth.kept(user, request.session, int(trip))


def _failed(request: HttpRequest, error: oauth.TripError) -> HttpResponse:
    context = {"error": error, "trip": error.trip}
    return render(request, "console/trip_failed.html", context, status=400)
