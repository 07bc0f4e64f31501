"""The page that changes an instance, and its signature key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.reach import Reach
from api.errors import NotFound
from console.failure import FAILED, sentence_of
from console.instance.edit_form import Edit
from console.members import WRONG, for_buttons, for_members, instance_of
from events import signing_key, unsigned
from events.models import Subscription
from events.networks import ANY
from instances import configuration as keys
from instances import provision, wish
from instances.models import ElementInstance

LONGEST_KEY = 500  # characters of a signature key
OVERLAPS = (("0", "not at all"), ("3600", "an hour"), ("86400", "a day"), ("604800", "a week"))


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def edit(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    found = instance_of(reach, instance_id)
    if request.method != "POST":
        return edit_page(request, found)
    form = Edit(request.POST, instance=found)
    if not form.is_valid():
        return edit_page(request, found, form, status=400)
    try:
        if body := form.body():
            provision.change(reach, instance_id, wish.to_change(body, replace=False))
    except NotFound as error:
        raise Http404 from error
    except FAILED as error:
        form.show_fault(sentence_of(error, keys.element_of(found)))
        return edit_page(request, found, form, status=400)
    messages.success(request, "Saved.")
    return redirect("console:instance", instance_id)


@for_buttons
def renew_signature_key(
    request: HttpRequest, user: User, reach: Reach, instance_id: int
) -> HttpResponse:
    """Gives the instance another key; the old one goes on signing for as long as is asked."""
    found = instance_of(reach, instance_id)
    given = request.POST.get("signature_key", "").strip()
    asked = request.POST.get("overlap", "")
    overlap = asked if asked in dict(OVERLAPS) else str(keys.DEFAULT_OVERLAP)
    if len(given) > LONGEST_KEY or "\0" in given:
        messages.error(request, f"A signature key has at most {LONGEST_KEY} characters.")
        return redirect("console:edit", instance_id)
    key = given or signing_key.new_key()
    try:
        until = signing_key.rotate(
            reach.organization, found.pk, key, timedelta(seconds=int(overlap)), timezone.now()
        )
    except NotFound as error:
        raise Http404 from error
    except WRONG as error:
        messages.error(request, str(error))
        return redirect("console:edit", instance_id)
    again = instance_of(reach, instance_id)
    return edit_page(request, again, new_key=key, old_until=until)


@for_buttons
def end_old_keys(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """The present key alone signs from now on."""
    found = instance_of(reach, instance_id)
    for subscription in Subscription.objects.filter(instance=found).only("pk"):
        signing_key.end_retired(subscription.pk)
    messages.success(request, "The present key alone signs from now on.")
    return redirect("console:edit", instance_id)


def edit_page(
    request: HttpRequest,
    found: ElementInstance,
    form: Edit | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """The whole page. `form` has what was typed; `more` is what a button has come to."""
    subscription = Subscription.objects.filter(instance=found).first()
    signed = bool(keys.without_secrets(found).get(keys.SIGNATURE_KEY))
    address = unsigned.address_of(found)
    takes_from_any = address is not None and ANY in address.networks
    context = {
        "instance": found,
        "element": keys.element_of(found),
        "form": form if form is not None else Edit(instance=found),
        "overlaps": OVERLAPS,
        "default_overlap": str(keys.DEFAULT_OVERLAP),
        "signed": signed,
        "old_until": subscription and signing_key.last_end(subscription, timezone.now()),
        "is_unsigned": address is not None or unsigned.is_possible(found),
        "unsigned": address,
        "takes_from_any": takes_from_any,
        "networks": "\n".join(address.networks) if address and not takes_from_any else "",
        **more,
    }
    return render(request, "console/instance/edit.html", context, status=status)
