from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Organization
from accounts.provision import NewOrganization, create_organization
from instances.models import ElementInstance
from polling import poll_now
from polling.models import PollingResource
from tests.events.receiver import Receiver
from tests.polling.conftest import (
    Connect,
    _elements_of_these_tests,
    _no_waiting_for_retries,
    connect,
    ledger,
    provider,
    saved,
    shelves,
)

__all__ = [
    "_elements_of_these_tests",
    "_no_waiting_for_retries",
    "connect",
    "ledger",
    "provider",
    "shelves",
]

API = "/elements/api-v2"
CALLBACK = "event.notification.callback.url"
Ask = Callable[..., Any]


@pytest.fixture
def owner(db: None) -> NewOrganization:
    return create_organization("The owner", "owner@example.com")


@pytest.fixture
def organization(owner: NewOrganization) -> Organization:
    return owner.organization


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def instance(connect: Connect, ledger: Any, receiver: Receiver) -> ElementInstance:
    """Its one resource is started, and its events go to the receiver."""
    instance = connect("ledger", configuration={CALLBACK: receiver.url})
    poll_now.start_new(instance.pk)
    return instance


@pytest.fixture
def resource(instance: ElementInstance) -> PollingResource:
    return PollingResource.objects.get(instance=instance)


def client_of(caller: NewOrganization, *, token: str = "", organization: bool = True) -> APIClient:
    pairs = [f"User {caller.user_secret}"]
    pairs += [f"Organization {caller.organization_secret}"] if organization else []
    pairs += [f"Element {token}"] if token else []
    return APIClient(headers={"Authorization": ", ".join(pairs)})


def explanation(client: APIClient, instance_id: int | None = None, **query: Any) -> Any:
    """The answer; its status is to be looked at by those who expect another than 200."""
    of_one = "" if instance_id is None else f"/{instance_id}"
    return client.get(f"{API}/instances{of_one}/events/explanation", query)


@pytest.fixture
def ask(owner: NewOrganization) -> Ask:
    """Asks as the owner, and answers the JSON."""

    def asked(instance_id: int | None = None, **query: Any) -> Any:
        answer = explanation(client_of(owner), instance_id, **query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return asked


def change(instance: ElementInstance, **configuration: str | None) -> None:
    """Changes the instance's columns; `callback` is its callback URL."""
    if "callback" in configuration:
        instance.configuration[CALLBACK] = configuration.pop("callback") or ""
    for name, value in configuration.items():
        setattr(instance, name, value)
    saved(instance)
