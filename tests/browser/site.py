"""The services of `make up` on free ports, with a database of their own, and who uses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from demo.processes import ROOT, SIGNATURE_KEY, Places, free_port, manage, services
from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

PASSWORD = "a password for the browser"
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-secret"
SELDOM = "999999"  # minutes: polls take place when they are asked for
MADE_AT_ONCE = 40  # organizations; a test takes one
MAKE = f"""
import json
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.http import urlsafe_base64_encode
from accounts.models import User
from accounts.provision import create_organization
first = User.objects.count()
for number in range(first, first + {MADE_AT_ONCE}):
    email = f"user-{{number}}@example.com"
    made = create_organization(
        f"Organization {{number}}", email, {PASSWORD!r}, superuser=number == 0
    )
    client = Client()
    client.force_login(made.user)
    session = client.cookies["sessionid"].value
    name = urlsafe_base64_encode(str(made.user.pk).encode())
    token = default_token_generator.make_token(made.user)
    print(json.dumps([email, made.user_secret, made.organization_secret, session, name, token]))
"""


@dataclass(frozen=True, slots=True)
class Member:
    """The only user of an organization.

    `session` is the key of a session that is signed in; `reset_name` and `reset_token` are of a
    link that sets a new password.
    """

    api: str
    email: str
    user_secret: str
    organization_secret: str
    session: str
    reset_name: str
    reset_token: str
    password: str = PASSWORD

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """Calls the API, of an instance with its token; returns the parsed answer of a 200."""
        secrets = f"User {self.user_secret}, Organization {self.organization_secret}"
        answer = requests.request(
            method,
            self.api + path,
            json=body,
            headers={"Authorization": f"{secrets}, Element {token}" if token else secrets},
            timeout=60,
        )
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def page(self, url: str) -> str:
        """The HTML of a page of the console's."""
        answer = requests.get(url, cookies={"sessionid": self.session}, timeout=60)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        return answer.text


class Site:
    """What runs. Tests share it, and each takes a member, and so an organization, of its own."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.url = places.web
        self.control = SandboxControl(places.sandbox)
        self._made: list[Member] = []
        self.superuser = self.new_member()

    def new_member(self) -> Member:
        if not self._made:
            printed = manage(self.places, "shell", "--verbosity", "0", "--command", MAKE)
            rows = [json.loads(line) for line in printed.splitlines()]
            self._made = [Member(self.places.api, *row) for row in reversed(rows)]
        return self._made.pop()

    def connect(
        self,
        member: Member,
        name: str = "Mailbox",
        *,
        mailbox: str = DEFAULT_MAILBOX,
        **configuration: Any,
    ) -> int:
        """Connects a mailbox of the sandbox over the API, events on; the id of the instance."""
        self.control.create_mailbox(mailbox)
        callback = f"{self.url}/oauth/callback"
        query = f"apiKey={CLIENT_ID}&apiSecret={CLIENT_SECRET}&callbackUrl={callback}"
        url = member.call("GET", f"/elements/gmail/oauth/url?{query}")["oauthUrl"]
        code = parse_qs(urlsplit(self.control.approve(url, mailbox)).query)["code"][0]
        body = {
            "name": name,
            "element": {"key": "gmail"},
            "providerData": {"code": code},
            "configuration": {
                "oauth.api.key": CLIENT_ID,
                "oauth.api.secret": CLIENT_SECRET,
                "oauth.callback.url": callback,
                "event.notification.enabled": True,
                "event.notification.callback.url": f"{self.places.receiver}/events",
                "event.notification.signature.key": SIGNATURE_KEY,
                "event.poller.refresh_interval": SELDOM,
                **configuration,
            },
        }
        instance: int = member.call("POST", "/instances", body)["id"]
        return instance

    def inbox(self, member: Member) -> str:
        """The address of the inbox of the member's organization."""
        [address, *_] = re.findall(rf"{self.url}/inbox/[\w-]+", member.page(f"{self.url}/inbox"))
        return str(address)

    def received(self) -> list[dict[str, Any]]:
        """What the callback receiver got, from everybody, newest last."""
        answer: list[dict[str, Any]] = requests.get(
            f"{self.places.receiver}/received", timeout=60
        ).json()
        return answer


@contextmanager
def running(var: Path, database_url: str = "", **more: str) -> Iterator[Site]:
    """All services, on this database, or on one that they keep in the folder `var`.

    `more` are further variables of their environment.
    """
    more = {
        **more,
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),  # where those settings are
    }
    places = Places(var, free_port(), free_port(), free_port(), more)
    with services(places):
        yield Site(places)
