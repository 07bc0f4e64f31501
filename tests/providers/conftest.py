from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from integrations.sandbox.provider import ProviderServer
from polling import poll_now
from tests.events.receiver import Receiver
from tests.providers.customer import INTEGRATIONS, Customer
from transport.asynchronous import AsyncRunner
from transport.limits import Limits

# The elements that have a cursor, and the resource of each that is tried.
POLLED = [
    ("googlecalendar", "events"),
    ("googlecalendar", "calendars"),
    ("microsofttodo", "lists"),
    ("microsofttodo", "tasks"),
    ("outlookmail", "messages"),
]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is tried again is tried at once."""

    async def no_pause(seconds: float) -> None:
        return None

    quick = partial(AsyncRunner, sleep=no_pause, limits=Limits(total=0.5))
    monkeypatch.setattr(poll_now, "AsyncRunner", quick)


@pytest.fixture(params=POLLED, ids="-".join)
def customer(
    request: pytest.FixtureRequest,
    settings: Settings,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> Iterator[Customer]:
    """An account with three records, connected, its baseline taken."""
    key, resource = request.param
    receiver = Receiver()
    with ProviderServer(INTEGRATIONS / key / "sandbox.json") as server:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        prefix = key.upper()
        setattr(settings, f"{prefix}_BASE_URL", server.base_url)
        setattr(settings, f"{prefix}_AUTHORIZATION_URL", f"{server.url}/authorize")
        setattr(settings, f"{prefix}_TOKEN_URL", f"{server.url}/token")
        setattr(settings, f"{prefix}_REVOKE_URL", f"{server.url}/revoke")
        customer = Customer(client_for(organization), key, resource, server, receiver)
        for title in ("One", "Two", "Three"):
            customer.records.put(title)
        customer.connect()
        customer.poll()
        yield customer
    receiver.close()
