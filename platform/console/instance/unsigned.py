"""What the edit page's buttons do about unsigned webhooks: the same use cases as the API's."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import User
from accounts.reach import Reach
from console.instance.edit import edit_page
from console.members import WRONG, for_buttons, instance_of
from events import unsigned
from events.networks import ANY, networks_of


@for_buttons
def change(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """Makes an address, which is shown this once, or changes who may send to the present one."""
    found = instance_of(reach, instance_id)
    try:
        networks = networks_of({"networks": _networks(request.POST)})
        if request.POST.get("do") == "networks":
            unsigned.change_networks(found, networks)
            messages.success(request, "Saved. The address is the same.")
        else:
            url = unsigned.open_address(found, networks, timezone.now())
            return edit_page(request, found, new_address=url)
    except WRONG as error:
        messages.error(request, str(error))
    return redirect("console:edit", instance_id)


@for_buttons
def end(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    unsigned.close_address(instance_of(reach, instance_id))
    messages.success(request, "Nothing unsigned is taken any more.")
    return redirect("console:edit", instance_id)


def _networks(posted: Mapping[str, str]) -> list[str]:
    """One a line, or with blanks or commas between them."""
    if posted.get("who") == ANY:
        return [ANY]
    return posted.get("networks", "").replace(",", " ").split()
