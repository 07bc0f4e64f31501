"""Elements that a sandbox on this machine stands in for: tried by one click, without an account."""

from __future__ import annotations

import secrets

import requests
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import User
from accounts.reach import Reach
from console.authenticate import blank, connect, posted
from console.members import account_of, for_buttons, instance_of
from encryption.fields import opens
from inbox.addresses import inbox_url
from instances import configuration as keys
from transport.errors import TransportError
from transport.guard import default_guard

TIMEOUT = 10  # seconds


def is_served(element_key: str) -> bool:
    """Return whether a sandbox stands in for the element's provider."""
    return element_key in settings.SANDBOXES


@for_buttons
def try_element(request: HttpRequest, user: User, reach: Reach, element_key: str) -> HttpResponse:
    """Connect an account of the sandbox, with the account's inbox as its receiver."""
    form = posted(request, user, reach, element_key)
    if not is_served(form.element.key):
        raise Http404
    body = blank(reach, form.element)
    body["name"] = f"{body['name']} sandbox"
    body["configuration"] |= {
        keys.EVENTS_ENABLED: True,
        keys.EVENTS_CALLBACK_URL: inbox_url(account_of(user)),
        keys.SIGNATURE_KEY: secrets.token_urlsafe(32),
        keys.REFRESH_INTERVAL: "1",
    }
    return connect(request, user, reach, form, body)


@for_buttons
def make_change(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """Have the sandbox change something in the account, as `POST /_control/change` there."""
    instance = instance_of(reach, instance_id)
    credential = getattr(instance, "credential", None)
    if not is_served(instance.element_key):
        raise Http404
    if credential is None or not opens(credential, "identity"):
        messages.error(request, "Whose account this is in the sandbox is not known: reconnect it.")
        return redirect("console:instance", instance.pk)
    try:
        _change(instance.element_key, credential.identity)
    except (requests.RequestException, TransportError) as error:
        messages.error(request, f"The sandbox does not answer: {type(error).__name__}. Is it up?")
    return redirect("console:instance", instance.pk)


def _change(element_key: str, account: str) -> None:
    """Raise requests.RequestException or TransportError where the sandbox does not do it."""
    url = f"{settings.SANDBOXES[element_key].rstrip('/')}/_control/change"
    with default_guard().session() as session:
        session.post(url, json={"account": account}, timeout=TIMEOUT).raise_for_status()
