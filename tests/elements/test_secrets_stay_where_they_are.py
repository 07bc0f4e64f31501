"""Whoever may change an instance or an element has none of its secrets sent to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from elements.origin import origin
from instances.models import ElementInstance
from tests.elements.conftest import API
from tests.elements.ledger import Provider, ledger, provider

MASK = "********"


@pytest.fixture
def there(settings: Settings) -> Iterator[Provider]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as it:
        yield it


@pytest.fixture
def thief() -> Iterator[Provider]:
    with provider() as it:
        yield it


@pytest.fixture
def make(api: APIClient) -> Callable[..., Any]:
    """Makes the element `ledger`."""

    def make(*args: Any, **more: Any) -> None:
        answer = api.post(f"{API}/elements", ledger(*args, **more), format="json")
        assert answer.status_code == 200, answer.content

    return make


def connect(api: APIClient, element: str = "ledger", /, **configuration: str) -> Any:
    given = {name.replace("_", "."): value for name, value in configuration.items()}
    body = {"name": "A ledger", "element": {"key": element}, "configuration": given}
    return api.post(f"{API}/instances", body, format="json")


def message(answer: Any) -> str:
    text: str = answer.json()["message"]
    return text


# --- Of an instance ------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["patch", "put"])
def test_a_new_address_needs_the_secrets_again(
    method: str, api: APIClient, make: Callable[..., Any], there: Provider, thief: Provider
) -> None:
    make(there.url)
    made = connect(api, api_key="a-key").json()
    path = f"{API}/instances/{made['id']}"
    moved = {**made["configuration"], "base.url": thief.url, "api.key": MASK}

    answer = getattr(api, method)(path, {"configuration": moved}, format="json")

    assert answer.status_code == 400, answer.content
    assert message(answer).startswith("Missing: configuration.api.key: secrets must be given again")
    assert thief.asked == []
    given = getattr(api, method)(
        path, {"configuration": {**moved, "api.key": "a-key"}}, format="json"
    )
    assert given.status_code == 200, given.content
    assert thief.asked


def test_another_path_at_the_same_host_needs_nothing(
    api: APIClient, make: Callable[..., Any], there: Provider
) -> None:
    make(there.url)
    made = connect(api, api_key="a-key").json()
    same = {"configuration": {"base.url": f"{there.url}/", "api.key": MASK}}
    answer = api.patch(f"{API}/instances/{made['id']}", same, format="json")
    assert answer.status_code == 200, answer.content


def test_a_part_of_the_host_is_an_address_too(
    api: APIClient, make: Callable[..., Any], there: Provider
) -> None:
    port = there.url.rpartition(":")[2]
    make(
        configuration=[
            {"key": "base.url", "defaultValue": f"http://${{subdomain}}:{port}"},
            {"key": "subdomain", "required": True},
        ]
    )
    made = connect(api, api_key="a-key", subdomain="127.0.0.1").json()
    moved = {"configuration": {"subdomain": "localhost"}}
    answer = api.patch(f"{API}/instances/{made['id']}", moved, format="json")
    assert answer.status_code == 400
    assert message(answer).startswith("Missing: configuration.api.key: ")


def test_an_instance_is_not_moved_to_an_element_of_another_address(
    api: APIClient, make: Callable[..., Any], there: Provider, thief: Provider
) -> None:
    make(there.url)
    made = connect(api, api_key="a-key").json()
    make(thief.url, name="Thief")
    moved = {"element": {"key": "thief"}}
    answer = api.patch(f"{API}/instances/{made['id']}", moved, format="json")
    assert answer.status_code == 400, answer.content
    assert ElementInstance.objects.get().element_key == "ledger"
    assert thief.asked == []


def test_the_secret_of_an_element_is_not_taken_to_an_address_of_ones_own(
    api: APIClient, make: Callable[..., Any], there: Provider, thief: Provider
) -> None:
    make(
        configuration=[
            {"key": "base.url", "defaultValue": there.url},
            {"key": "api.key", "defaultValue": "a-key"},
        ]
    )
    answer = connect(api, base_url=thief.url)
    assert answer.status_code == 400
    assert message(answer).startswith("Missing: configuration.api.key: ")
    assert connect(api, base_url=thief.url, api_key="a-key").status_code == 200
    made = connect(api).json()
    moved = {"configuration": {"base.url": thief.url}}
    asked = len(thief.asked)
    answer = api.patch(f"{API}/instances/{made['id']}", moved, format="json")
    assert answer.status_code == 400
    assert len(thief.asked) == asked


# --- Of an element -------------------------------------------------------------------------------


def test_an_element_with_instances_keeps_its_addresses(
    api: APIClient, make: Callable[..., Any], there: Provider, thief: Provider
) -> None:
    make(there.url)
    made = connect(api, api_key="a-key").json()
    entry = {"defaultValue": thief.url}
    for answer in (
        api.put(f"{API}/elements/ledger", ledger(thief.url), format="json"),
        api.put(f"{API}/elements/ledger/configuration/base.url", entry, format="json"),
    ):
        assert answer.status_code == 409, answer.content
        assert message(answer).startswith("ledger has 1 instance, whose secrets would be sent")
    same = api.put(f"{API}/elements/ledger", ledger(f"{there.url}/v2"), format="json")
    assert same.status_code == 200, same.content

    assert api.delete(f"{API}/instances/{made['id']}").status_code == 200
    assert api.put(f"{API}/elements/ledger", ledger(thief.url), format="json").status_code == 200


def test_the_secret_of_an_element_does_not_follow_it_to_a_new_address(
    api: APIClient, make: Callable[..., Any], thief: Provider
) -> None:
    secret = {"key": "api.key", "defaultValue": "a-key"}
    make(configuration=[{"key": "base.url", "defaultValue": "https://a.example"}, secret])
    body = api.get(f"{API}/elements/ledger").json()
    for entry in body["configuration"]:
        if entry["key"] == "base.url":
            entry["defaultValue"] = thief.url
    entry = {"defaultValue": thief.url}
    for answer in (
        api.put(f"{API}/elements/ledger", body, format="json"),
        api.put(f"{API}/elements/ledger/configuration/base.url", entry, format="json"),
    ):
        assert answer.status_code == 400, answer.content
        assert message(answer).startswith("configuration.api.key.defaultValue: is a secret")
    again = ledger(configuration=[{"key": "base.url", "defaultValue": thief.url}, secret])
    assert api.put(f"{API}/elements/ledger", again, format="json").status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("https://A.example/x", "https://a.example:443/y?z", True),
        ("http://a.example", "https://a.example", False),
        ("https://a.example", "https://a.example:8443", False),
        ("https://[::1]", "https://[::1]:443", True),
        ("https://${a}.example", "https://${A}.example", False),
    ],
)
def test_origins_are_compared(one: str, other: str, alike: bool) -> None:
    assert (origin(one) == origin(other)) is alike
