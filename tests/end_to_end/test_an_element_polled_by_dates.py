"""An element that a customer wrote as JSON, with dates: polled by them, its changes called back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
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
POLLED = "cursor-entries"
SECONDS = "yyyy-MM-dd'T'HH:mm:ssXXX"
URL = f"/hubs/finance/{POLLED}?changedAfter=${{dateTimeZone:-8:00:{SECONDS}}}"
DATES = {
    "updatedDateField": "meta.updated",
    "updatedDateFormat": SECONDS,
    "createdDateField": "meta.created",
    "createdDateFormat": "milliseconds",
    "createdCheckTolerance": 1,
}


@pytest.fixture
def books(settings: Settings) -> Iterator[Provider]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as it:
        yield it


@pytest.fixture
def api(
    transactional_db: None,
    no_waiting: None,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> APIClient:
    return client_for(organization)


def call(api: APIClient, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    text = "" if body is None else json.dumps(body)
    answer = api.generic(method, API + path, text, "application/json")
    assert answer.status_code == status, answer.content
    return json.loads(answer.content or b"{}")


def entry_of(id_: str, created: datetime, updated: datetime, **more: Any) -> dict[str, Any]:
    dates = {
        "created": int(created.timestamp() * 1000),
        "updated": updated.isoformat(timespec="seconds"),
    }
    return {"id": id_, "meta": dates, **more}


def with_dates(url: str) -> dict[str, Any]:
    """The definition, whose listing takes `changedAfter` and is polled by it by default."""
    definition = ledger(url)
    for resource in definition["resources"]:
        if resource["path"].endswith(POLLED):
            resource["parameters"] = [
                *resource["parameters"],
                {"name": "changedAfter", "vendorName": "changed_after", "type": "query"},
            ]
    poller = {POLLED: {"url": URL, "idField": "id", "datesConfiguration": DATES, "pollDelay": 30}}
    definition["configuration"].append(
        {"key": "event.poller.configuration", "type": "CODE_EDITOR", "defaultValue": poller}
    )
    return definition


def test_what_changes_is_asked_for_by_date_and_called_back(
    api: APIClient, books: Provider, receiver: Receiver
) -> None:
    now = datetime.now(UTC)
    year = timedelta(days=365)
    books.entries = [entry_of(f"old{n}", now - year, now - year) for n in range(3)]
    key = call(api, "POST", "/elements", with_dates(books.url))["key"]
    instance = call(
        api,
        "POST",
        "/instances",
        {
            "name": "Books",
            "element": {"key": key},
            "configuration": {
                "api.key": "a-key",
                "event.notification.enabled": True,
                "event.notification.callback.url": receiver.url,
            },
        },
    )
    polls = f"/instances/{instance['id']}/polls"
    [state] = call(api, "GET", polls)["resources"]
    assert (state["active"], state["error"], state["note"]) == (True, None, None)
    asked = [query["changed_after"] for _, path, query, _ in books.asked if "cursor" in path]
    assert datetime.fromisoformat(asked[-1]) <= now
    assert asked[-1].endswith("-08:00")

    later = datetime.now(UTC) + timedelta(seconds=1)
    books.entries[1] = entry_of("old1", now - year, later, amount=5)
    books.entries.append(entry_of("new", later, later, amount=7))
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    deliver_all_due(attempt_within=2.0)
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    deliver_all_due(attempt_within=2.0)

    [notification] = receiver.received
    message = json.loads(notification.body)["message"]
    told = {(one["objectId"], one["eventType"]) for one in message["events"]}
    assert told == {("old1", "UPDATED"), ("new", "CREATED")}
    assert {one["id"] for one in message["raw"][POLLED]} == {"old1", "new"}
    assert [one["amount"] for one in message["raw"][POLLED]] == [5, 7]


def test_what_is_wrong_with_dates_is_said_when_it_is_saved(api: APIClient, books: Provider) -> None:
    key = call(api, "POST", "/elements", with_dates(books.url))["key"]
    entry = {"url": URL, "idField": "id", "datesConfiguration": DATES}
    for wrong, message in (
        ({"url": URL.replace("yyyy", "qqqq")}, f"{POLLED}.url: ${{dateTimeZone:-8:00:qqqq"),
        ({"url": URL.replace("-8:00", "Mars")}, f"{POLLED}.url: ${{dateTimeZone:Mars"),
        (
            {"datesConfiguration": {**DATES, "updatedDateFormat": ""}},
            f"{POLLED}.datesConfiguration.updatedDateFormat: is missing",
        ),
        ({"backfill": 7}, f"{POLLED}.backfill: must be true or false"),
    ):
        poller = {POLLED: {**entry, **wrong}}
        configuration = {"api.key": "a-key", "event.poller.configuration": poller}
        body = {"name": "Books", "element": {"key": key}, "configuration": configuration}
        answer = call(api, "POST", "/instances", body, status=400)
        assert f"event.poller.configuration.{message}" in answer["message"]
    configuration = {"api.key": "a-key", "event.poller.timezone": "Mars"}
    body = {"name": "Books", "element": {"key": key}, "configuration": configuration}
    answer = call(api, "POST", "/instances", body, status=400)
    assert "event.poller.timezone: 'Mars' is not a time zone" in answer["message"]
