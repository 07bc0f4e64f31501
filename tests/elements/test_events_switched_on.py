"""Events are switched on for any element, polled by default or told by its provider."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from instances.models import ElementInstance
from polling.models import PollingResource
from tests.elements.conftest import API
from tests.elements.ledger import Provider, ledger, provider
from tests.events.vendor import SECRET, WEBHOOK

Json = dict[str, Any]
ENTRIES = {"entries": {"url": "/hubs/finance/entries", "idField": "id"}}
ON = {
    "api.key": "a-key",
    "event.notification.enabled": True,
    "event.notification.callback.url": "https://app.example.com/events",
}


@pytest.fixture
def there(settings: Settings) -> Iterator[Provider]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as it:
        yield it


@pytest.fixture
def connect(api: APIClient, there: Provider) -> Callable[..., Any]:
    """POST /instances of an element made of `definition`."""

    def make(given: Json, /, **definition: Any) -> Any:
        made = api.post(f"{API}/elements", ledger(there.url, **definition), format="json")
        assert made.status_code == 200, made.content
        body = {
            "name": "Books",
            "element": {"key": "ledger"},
            "configuration": {**ON, **given},
        }
        return api.post(f"{API}/instances", body, format="json")

    return make


def test_where_nothing_is_polled_by_default_events_are_on_and_it_is_said(
    connect: Callable[..., Any], api: APIClient
) -> None:
    answer = connect({})
    assert answer.status_code == 200, answer.content
    instance = answer.json()
    assert instance["eventsEnabled"] is True
    assert instance["reasonCode"] == "nothing-polled"
    assert "event.poller.configuration names no resource; name one, such as" in instance["problem"]
    assert not PollingResource.objects.exists()

    said = {"configuration": {"event.poller.configuration": ENTRIES}}
    mended = api.patch(f"{API}/instances/{instance['id']}", said, format="json").json()
    assert "problem" not in mended
    assert [one.name for one in PollingResource.objects.filter(active=True)] == ["entries"]


@pytest.mark.parametrize("blank", ["", "  ", None])
def test_an_empty_poller_configuration_is_the_elements_own(
    blank: str | None, connect: Callable[..., Any], api: APIClient, there: Provider
) -> None:
    configuration = [
        {"key": "base.url", "defaultValue": there.url},
        {"key": "event.poller.configuration", "defaultValue": ENTRIES},
    ]
    answer = connect({"event.poller.configuration": blank}, configuration=configuration)
    assert answer.status_code == 200, answer.content
    assert "problem" not in answer.json()
    assert [one.name for one in PollingResource.objects.filter(active=True)] == ["entries"]


def test_what_is_told_by_webhooks_alone_needs_no_vendor_type(connect: Callable[..., Any]) -> None:
    answer = connect({"event.vendor.webhook.secret": SECRET}, webhook=WEBHOOK)
    assert answer.status_code == 200, answer.content
    assert answer.json()["configuration"]["event.vendor.type"] == "webhook"
    assert ElementInstance.objects.get().vendor_type == "webhook"
    assert "problem" not in answer.json()


def test_who_says_what_is_polled_is_polled(connect: Callable[..., Any]) -> None:
    answer = connect({"event.poller.configuration": ENTRIES}, webhook=WEBHOOK)
    assert answer.status_code == 200, answer.content
    assert answer.json()["configuration"]["event.vendor.type"] == "polling"
    assert [one.name for one in PollingResource.objects.filter(active=True)] == ["entries"]


def test_an_element_that_polls_by_default_is_polled(
    connect: Callable[..., Any], there: Provider
) -> None:
    configuration = [
        {"key": "base.url", "defaultValue": there.url},
        {"key": "event.poller.configuration", "defaultValue": ENTRIES},
    ]
    answer = connect({}, webhook=WEBHOOK, configuration=configuration)
    assert answer.status_code == 200, answer.content
    assert ElementInstance.objects.get().vendor_type == "polling"


def test_webhooks_by_default_need_a_webhook(connect: Callable[..., Any], there: Provider) -> None:
    configuration = [
        {"key": "base.url", "defaultValue": there.url},
        {"key": "event.vendor.type", "defaultValue": "webhooks"},
    ]
    answer = connect({}, configuration=configuration)
    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "event.vendor.type: must be polling: Ledger has no webhook, which would say how what its "
        "provider sends is believed"
    )


# --- Settings of older clients -------------------------------------------------------------------

BOTH = {**ENTRIES, "Open": {"url": "/hubs/finance/entries?status=open", "idField": "id"}}
URLS = "event.poller.urls"


def polled() -> list[str]:
    return sorted(PollingResource.objects.filter(active=True).values_list("name", flat=True))


def test_only_the_objects_that_are_named_are_polled(
    connect: Callable[..., Any], api: APIClient
) -> None:
    answer = connect({"event.poller.configuration": BOTH, "event.objects": "ENTRIES"})
    assert answer.status_code == 200, answer.content
    assert polled() == ["entries"]
    path = f"{API}/instances/{answer.json()['id']}"
    refused = api.patch(path, {"configuration": {"event.objects": "open,nothing"}}, format="json")
    assert refused.status_code == 400
    assert refused.json()["message"] == (
        "event.objects: nothing is not in event.poller.configuration, which has entries, Open"
    )
    assert polled() == ["entries"]
    assert (
        api.patch(path, {"configuration": {"event.objects": ""}}, format="json").status_code == 200
    )
    assert polled() == ["Open", "entries"]


def test_poller_urls_are_translated(connect: Callable[..., Any], api: APIClient) -> None:
    lines = (
        "entries|/hubs/finance/entries?status=open||at|yyyy-MM-dd'T'HH:mm:ssXXX|America/Denver\n"
        "page-entries\n"
    )
    answer = connect({URLS: lines})
    assert answer.status_code == 200, answer.content
    configuration = answer.json()["configuration"]
    assert configuration[URLS] == lines
    assert json.loads(configuration["event.poller.configuration"]) == {
        "entries": {
            "url": "/hubs/finance/entries?status=open",
            "idField": "",
            "datesConfiguration": {
                "updatedDateField": "at",
                "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ssXXX",
                "updatedDateTimezone": "America/Denver",
            },
        },
        "page-entries": {"url": "/hubs/finance/page-entries", "idField": ""},
    }
    assert polled() == ["entries", "page-entries"]

    # Clients write whole configurations back, with one key changed.
    path = f"{API}/instances/{answer.json()['id']}"
    for changed, names in (
        ({URLS: "offset-entries|cursor-entries"}, ["cursor-entries", "offset-entries"]),
        ({"event.poller.configuration": json.dumps(ENTRIES)}, ["entries"]),
        ({"event.poller.refresh_interval": "7"}, ["entries"]),
        ({URLS: "entries|page-entries"}, ["entries", "page-entries"]),
    ):
        whole = {**api.get(path).json()["configuration"], **changed}
        written = api.put(path, {"configuration": whole}, format="json")
        assert written.status_code == 200, written.content
        assert polled() == names


def test_poller_urls_of_an_element_are_its_entries(
    connect: Callable[..., Any], there: Provider
) -> None:
    configuration = [
        {"key": "base.url", "defaultValue": there.url},
        {"key": URLS, "defaultValue": "entries|page-entries"},
    ]
    assert connect({}, configuration=configuration).status_code == 200
    assert polled() == ["entries", "page-entries"]


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ("nothing", "event.poller.urls: line 1: nothing: ledger has no such resource"),
        ("entries\nentries", "event.poller.urls: line 2: entries is given twice"),
        (
            "entries\npage-entries|/hubs/finance/entries",
            "event.poller.urls: line 2: page-entries.url: must be a hub path",
        ),
        (
            "entries|/hubs/finance/entries|//entry[a=1]",
            "event.poller.urls: line 1: has a filter, which is not supported",
        ),
        ("entries|/entries|||||||||", "event.poller.urls: line 1: has 11 fields; 9 are known"),
        (
            "entries|/entries||at",
            "event.poller.urls: line 1: entries.datesConfiguration.updatedDateFormat: is missing",
        ),
        ("|", "event.poller.urls: names no resource"),
    ],
)
def test_poller_urls_that_cannot_be_translated_are_refused_by_the_line(
    urls: str, message: str, connect: Callable[..., Any]
) -> None:
    answer = connect({URLS: urls})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(message)
    assert not ElementInstance.objects.exists()
