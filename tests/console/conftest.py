"""A person who is signed in, a receiver, and the way over the sandbox's consent page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import User
from accounts.provision import NewOrganization, create_organization
from integrations.gmail.sandbox.server import SandboxServer
from tests.events.receiver import Receiver

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def member(organization: NewOrganization) -> User:
    return organization.user


@pytest.fixture
def stranger(db: None) -> User:
    """A user of another organization."""
    return create_organization("Other", "other@example.com").user


@pytest.fixture
def reader(client: Client, member: User) -> Client:
    """The member's browser, where no provider is needed."""
    client.force_login(member)
    return client


@pytest.fixture
def browser(reader: Client, sandbox: SandboxServer, settings: LazySettings) -> Client:
    """The member's browser, and a provider."""
    settings.PUBLIC_URL = HERE
    return reader


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where events are sent."""
    receiver = Receiver()
    yield receiver
    receiver.close()


# What tests call the fields of the form, and where in the body they stand.
FIELDS = {
    "name": "name",
    "tags": "tags",
    "api_key": "configuration.oauth.api.key",
    "api_secret": "configuration.oauth.api.secret",
    "events": "configuration.event.notification.enabled",
    "callback_url": "configuration.event.notification.callback.url",
    "signature_key": "configuration.event.notification.signature.key",
    "interval": "configuration.event.poller.refresh_interval",
}
POLLED = {
    "poll": ["changed-messages"],
    "entry:changed-messages": '{"url": "/hubs/general/changed-messages", "idField": "id"}',
}


@pytest.fixture
def form() -> Callable[..., dict[str, Any]]:
    """The form as a browser without scripts sends it, filled in; a field of None is left out."""

    def fill(**changes: Any) -> dict[str, Any]:
        filled = {
            "name": "Mailbox",
            "api_key": "sandbox-client",
            "api_secret": "sandbox-secret",
            "events": "on",
            "callback_url": "",
            "signature_key": "my signature key",
            "interval": "5",
            **POLLED,
            **changes,
        }
        return {FIELDS.get(key, key): it for key, it in filled.items() if it is not None}

    return fill


@pytest.fixture
def travel(
    browser: Client, sandbox: SandboxServer, form: Callable[..., dict[str, Any]]
) -> Callable[..., str]:
    """From the filled form to the provider's redirect: returns its path and query."""

    def go(answer: dict[str, Any] | None = None, **changes: Any) -> str:
        sent = browser.post("/catalogue/gmail/authenticate", form(**changes))
        assert sent.status_code == 302, sent.content
        location = sandbox.control.approve(sent["Location"], **(answer or {}))
        return location.removeprefix(HERE)

    return go
