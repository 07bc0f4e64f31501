"""What the buttons of an instance's page do: the same use cases as the API's."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.reach import Reach
from api.errors import NotFound
from audit.models import Action
from console import fragment
from console.instance.page import page
from console.members import WRONG, for_buttons, for_members, instance_of
from encryption.fields import opens
from events.models import Delivery, Subscription
from events.redeliver import send_again
from events.subscription import deactivate, reactivate
from instances import audited, provision, reconnect_link
from instances import configuration as keys
from polling.claim import PollRunningError
from polling.poll_now import NothingPolledError, poll_now
from polling.representation import report_shown

SWITCHED_OFF = "switched off in the console"
LONGEST_WAIT = 3.0  # seconds for a poll that is running


@for_buttons
def switch_events(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    on = "true" if request.POST.get("events") == "on" else "false"
    wish = provision.Wish(configuration={keys.EVENTS_ENABLED: on})
    return _changed(request, reach, instance_id, wish)


@for_buttons
def enable(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    wish = provision.Wish(enabled=request.POST.get("enabled") == "on")
    return _changed(request, reach, instance_id, wish)


def _changed(
    request: HttpRequest, reach: Reach, instance_id: int, wish: provision.Wish
) -> HttpResponse:
    try:
        provision.change(reach, instance_id, wish)
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:instance", instance_id)


@for_buttons
def poll(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """Polls while the page waits, half a minute at most, and shows what was found."""
    found = instance_of(reach, instance_id)
    context = {"instance": found, "polls": [], "problem": ""}
    try:
        context["polls"] = [report_shown(one) for one in poll_now(found, wait=LONGEST_WAIT)]
    except NothingPolledError as error:
        context["problem"] = f"Nothing to poll: {error}."
    except PollRunningError:
        context["problem"] = "A poll is running already. What it finds is shown in a moment."
    if fragment.is_wanted(request):
        return render(request, "console/instance/polled.html", context)
    return page(request, found, polled=context)


@for_buttons
def reveal(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """The token in clear, in an answer that nobody keeps."""
    found = instance_of(reach, instance_id)
    audited.told(Action.INSTANCE_TOKEN_SHOWN, found)
    token = found.token if opens(found, "token") else ""
    if fragment.is_wanted(request):
        context = {"instance": found, "shown": True, "token": token}
        return render(request, "console/instance/token.html", context)
    return page(request, found, shown=True, token=token)


@for_buttons
def make_link(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    found = instance_of(reach, instance_id)
    try:
        return page(request, found, link=reconnect_link.make(found, timezone.now()))
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:instance", instance_id)


@for_buttons
def switch_sending(
    request: HttpRequest, user: User, reach: Reach, instance_id: int
) -> HttpResponse:
    """Turns a callback on again, with what was queued where that is asked for, or off."""
    found = instance_of(reach, instance_id)
    subscription = Subscription.objects.filter(instance=found).exclude(url="").only("pk").first()
    if subscription is None:
        messages.error(request, "There is no callback URL to send to: set one first.")
    elif request.POST.get("sending") != "on":
        deactivate(subscription.pk, SWITCHED_OFF, timezone.now())
        messages.success(request, "Nothing is sent any more. What is found is queued.")
    elif reactivate(subscription.pk):
        queued = request.POST.get("queued") == "on"
        own = Delivery.objects.filter(subscription=subscription)
        sent = send_again(own, timezone.now()) if queued else 0
        again = f" Sent again: {sent} of what was queued." if queued else ""
        messages.success(request, f"Events are sent again.{again}")
    return redirect("console:instance", instance_id)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def delete(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """A page that says what goes, and the button."""
    found = instance_of(reach, instance_id)
    if request.method != "POST":
        return render(request, "console/instance/delete.html", {"instance": found})
    try:
        provision.delete(reach, instance_id)
    except NotFound as error:
        raise Http404 from error
    messages.success(request, f"{found.name} is deleted, and its account disconnected.")
    return redirect("console:instances")
