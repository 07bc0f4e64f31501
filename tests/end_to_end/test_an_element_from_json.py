"""An element that a customer wrote as JSON: connected, polled, and its changes called back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from polling.models import PollingResource
from tests.all_due import deliver_all_due, poll_all_due
from tests.elements.ledger import Provider, ledger, provider
from tests.events.receiver import Receiver

API = "/elements/api-v2"
SIGNATURE_KEY = "a signature key"
POLLED = "cursor-entries"  # pages of 50 at most
AUTHENTICATIONS: dict[str, tuple[dict[str, str], dict[str, str], tuple[str, str]]] = {
    "apiKey": (
        {"type": "apiKey", "header": "X-Api-Key"},
        {"api.key": "a-key"},
        ("X-Api-Key", "a-key"),
    ),
    "basic": (
        {"type": "basic"},
        {"username": "user", "password": "a pass"},
        ("Authorization", f"Basic {base64.b64encode(b'user:a pass').decode()}"),
    ),
}


@pytest.fixture
def books(settings: Settings) -> Iterator[Provider]:
    """The provider, with more entries than a page has."""
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as it:
        it.entries = [{"id": str(number), "amount": number} for number in range(60)]
        yield it


@pytest.fixture
def api(
    transactional_db: None,
    no_waiting: None,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> APIClient:
    return client_for(organization)


@pytest.fixture
def connect(api: APIClient, books: Provider, receiver: Receiver) -> Callable[..., Any]:
    """Posts the element and an instance of it; the instance."""

    def make(kind: str = "apiKey", *, url: str = f"/hubs/finance/{POLLED}") -> Any:
        authentication, configuration, books.accepted = AUTHENTICATIONS[kind]
        definition = ledger(books.url, authentication=authentication)
        return call(
            api,
            "POST",
            "/instances",
            {
                "name": "Books",
                "element": {"key": call(api, "POST", "/elements", definition)["key"]},
                "configuration": {
                    **configuration,
                    "event.notification.enabled": True,
                    "event.notification.callback.url": receiver.url,
                    "event.notification.signature.key": SIGNATURE_KEY,
                    "event.poller.refresh_interval": 1,
                    "event.poller.configuration": {POLLED: {"url": url, "idField": "id"}},
                },
            },
        )

    return make


def call(api: APIClient, method: str, path: str, body: Any = None) -> Any:
    answer = api.generic(
        method, API + path, "" if body is None else json.dumps(body), "application/json"
    )
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content or b"{}")


def told(receiver: Receiver) -> list[tuple[str, str, Any]]:
    """(id, event type, record) of every change that arrived; each was signed."""
    found = []
    for notification in receiver.received:
        digest = hmac.digest(SIGNATURE_KEY.encode(), notification.body, hashlib.sha256)
        signature = f"sha256={base64.b64encode(digest).decode()}"
        assert notification.headers["elements-webhook-signature"] == signature
        message = json.loads(notification.body)["message"]
        for event, record in zip(message["events"], message["raw"][POLLED], strict=True):
            found.append((event["objectId"], event["eventType"], record))
    return sorted(found, key=lambda one: one[0])


@pytest.mark.parametrize("kind", AUTHENTICATIONS)
def test_what_changes_at_its_provider_is_called_back(
    kind: str, connect: Callable[..., Any], api: APIClient, books: Provider, receiver: Receiver
) -> None:
    instance = connect(kind)
    polls = f"/instances/{instance['id']}/polls"
    [state] = call(api, "GET", polls)["resources"]
    assert (state["resource"], state["active"], state["error"]) == (POLLED, True, None)
    assert call(api, "POST", polls)["polls"][0]["status"] == "idle"

    books.entries[55]["amount"] = -1
    books.entries.append({"id": "new", "amount": 1})
    del books.entries[3]
    [report] = call(api, "POST", polls)["polls"]
    assert (report["created"], report["updated"], report["deleted"]) == (1, 1, 1), report
    deliver_all_due(attempt_within=2.0)

    assert told(receiver) == [
        ("3", "DELETED", {"id": "3"}),
        ("55", "UPDATED", {"id": "55", "amount": -1}),
        ("new", "CREATED", {"id": "new", "amount": 1}),
    ]
    events = call(api, "GET", f"/instances/{instance['id']}/events")
    assert [event["status"] for event in events] == ["NOTIFIED"]


def test_the_worker_polls_it_when_it_is_due(
    connect: Callable[..., Any], books: Provider, receiver: Receiver
) -> None:
    connect()
    books.entries.append({"id": "new"})
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    deliver_all_due(attempt_within=2.0)
    assert told(receiver) == [("new", "CREATED", {"id": "new"})]


def test_a_condition_in_its_url_says_which_records_count(
    connect: Callable[..., Any], api: APIClient, books: Provider, receiver: Receiver
) -> None:
    instance = connect(url=f"/hubs/finance/{POLLED}?where=amount%20>%2050")
    books.entries[5]["amount"] = 99
    books.entries[6]["amount"] = 7.5
    call(api, "POST", f"/instances/{instance['id']}/polls")
    deliver_all_due(attempt_within=2.0)
    assert told(receiver) == [("5", "CREATED", {"id": "5", "amount": 99})]


def test_another_definition_counts_with_the_next_poll(
    connect: Callable[..., Any], api: APIClient, books: Provider
) -> None:
    instance = connect()
    polls = f"/instances/{instance['id']}/polls"
    definition = ledger(books.url)
    definition["resources"] = [one for one in definition["resources"] if POLLED not in one["path"]]
    call(api, "PUT", "/elements/ledger", definition)
    [report] = call(api, "POST", polls)["polls"]
    assert report["status"] == "failed"
    assert report["error"] == f"Ledger has no resource {POLLED} that can be polled"

    call(api, "PUT", "/elements/ledger", ledger(books.url))
    books.entries.append({"id": "new"})
    [report] = call(api, "POST", polls)["polls"]
    assert (report["status"], report["created"]) == ("found", 1)


def test_its_metadata_says_what_can_be_polled(connect: Callable[..., Any], api: APIClient) -> None:
    connect()
    events = call(api, "GET", "/elements/ledger/metadata")["events"]
    assert events["methods"] == ["polling"]
    assert events["polling"][POLLED] == {"eventTypes": ["created", "updated", "deleted"]}
    assert "me" not in events["polling"]
