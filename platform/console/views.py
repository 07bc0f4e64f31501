"""The pages: sign in, the list of accounts, connecting one, one account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Organization, User
from api.errors import ApiError, NotFound
from console.addresses import callback_url
from console.forms import ConnectForm
from console.reconnect import came_back
from elements.errors import ConfigurationError, ElementNotFound
from events.models import Event
from instances import configuration as keys
from instances import oauth, provision, reconnect_link
from instances.models import ElementInstance
from instances.standing import marks_of, problem_of
from polling.representation import polling_of
from polling.usage import units_of

Page: TypeAlias = Callable[..., HttpResponse]
LATEST_EVENTS = 10  # on the page of an account
WRONG = (ApiError, ConfigurationError, ElementNotFound)


def for_members(page: Page) -> Callable[..., HttpResponseBase]:
    """Calls page(request, user, organization, …) for users of an organization, signed in."""

    @never_cache
    @login_required
    @wraps(page)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if not isinstance(user, User) or user.organization is None:
            return render(request, "console/no_organization.html", status=403)
        return page(request, user, user.organization, *args, **kwargs)

    return guarded


@require_GET
@for_members
def home(request: HttpRequest, user: User, organization: Organization) -> HttpResponse:
    instances = ElementInstance.objects.filter(organization=organization).order_by("name", "pk")
    shown = list(instances.select_related("credential")[:500])
    marks = marks_of(shown)
    rows = [(one, problem_of(one, marks)) for one in shown]
    return render(request, "console/home.html", {"rows": rows})


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


@require_GET
@for_members
def instance(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    return _instance_page(request, _found(organization, instance_id))


def _instance_page(request: HttpRequest, found: ElementInstance, **more: Any) -> HttpResponse:
    context = {
        "instance": found,
        "problem": problem_of(found, marks_of([found])),
        "configuration": keys.masked(found),
        "polling": polling_of(found),
        "units": units_of(found, timezone.now(), with_project=False),
        "events": Event.objects.filter(instance=found)
        .defer("body")
        .order_by("-created_at", "-pk")[:LATEST_EVENTS],
        **more,
    }
    return render(request, "console/instance.html", context)


@require_POST
@for_members
def make_link(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    found = _found(organization, instance_id)
    try:
        return _instance_page(request, found, link=reconnect_link.make(found, timezone.now()))
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:instance", instance_id)


@require_POST
@for_members
def switch_events(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    on = "true" if request.POST.get("events") == "on" else "false"
    try:
        provision.change(
            organization, instance_id, provision.Wish(configuration={keys.EVENTS_ENABLED: on})
        )
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:instance", instance_id)


@require_POST
@for_members
def disconnect(
    request: HttpRequest, user: User, organization: Organization, instance_id: int
) -> HttpResponse:
    try:
        provision.delete(organization, instance_id)
    except NotFound as error:
        raise Http404 from error
    messages.success(request, "The account is disconnected.")
    return redirect("console:home")


def _found(organization: Organization, instance_id: int) -> ElementInstance:
    try:
        return provision.find(organization, instance_id)
    except NotFound as error:
        raise Http404 from error


def _kept(request: HttpRequest, user: User, trip: str) -> oauth.Request | None:
    if not (trip.isascii() and trip.isdigit() and len(trip) < 19):
        return None
    return oauth.kept(user, request.session, int(trip))


def _failed(request: HttpRequest, error: oauth.TripError) -> HttpResponse:
    context = {"error": error, "trip": error.trip}
    return render(request, "console/trip_failed.html", context, status=400)
