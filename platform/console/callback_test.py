"""A test event to the callback URL that a form names, before there is an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.models import User
from accounts.reach import Reach
from api.errors import BadRequest, TooManyRequests
from api.fields import mapping
from api.throttle import allowance
from console.authenticate import Posted, posted
from console.members import WRONG, for_buttons
from events import rehearsal
from events.payload import Source
from instances import callback
from instances import configuration as keys

MOST_A_MINUTE = 20  # tests of an organization


@for_buttons
def send_test(request: HttpRequest, user: User, reach: Reach, element_key: str) -> HttpResponse:
    context: dict[str, Any] = {"element_key": element_key}
    found = posted(request, user, reach, element_key)
    try:
        _count(reach)  # first, for a URL that is refused has had its name looked up
        body = found.body()
        receiver = _receiver(body)
        context["url"] = receiver.url
        source = _source(user, reach, found, body)
        context["done"] = rehearsal.rehearse(source, receiver, timezone.now())
    except WRONG as error:
        context["problem"] = str(error)
    alone = "HX-Request" in request.headers
    template = "console/tested.html" if alone else "console/tested_page.html"
    return render(request, template, context)


def _receiver(body: Mapping[str, Any]) -> rehearsal.Receiver:
    """Raises BadRequest where the body has no URL that may be tested."""
    given = keys.given(mapping(body, "configuration"))
    values = {key: value for key, value in given.items() if value is not None}
    url = keys.callback_url(values.get(keys.EVENTS_CALLBACK_URL, ""))
    if not url:
        raise BadRequest("Type a callback URL first.")
    headers = dict(callback.headers_of(values))
    return rehearsal.Receiver(url, values.get(keys.SIGNATURE_KEY, ""), headers)


def _source(user: User, reach: Reach, found: Posted, body: Mapping[str, Any]) -> Source:
    tags = body.get("tags")
    return Source(
        instance_id=0,
        organization_id=reach.organization.pk,
        account_id=user.account_id,
        user_id=user.pk,
        name=str(body.get("name") or ""),
        tags=tags if isinstance(tags, list) else [],
        element_key=found.element.key,
        hub=found.element.hub,
    )


def _count(reach: Reach) -> None:
    """Raises TooManyRequests: this is no way to knock at other people's doors."""
    wait = allowance.wait(f"callback-tests {reach.organization.pk}", MOST_A_MINUTE)
    if wait:
        raise TooManyRequests(
            f"{MOST_A_MINUTE} tests a minute are sent; try again in {round(wait) or 1} seconds",
            wait=round(wait) or 1,
        )
