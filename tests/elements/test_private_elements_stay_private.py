"""An organization's own element is not there for another, nor for nobody, on any path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.test import APIClient

from accounts.models import Account
from elements import built_in
from elements.models import PrivateElement
from tests.elements.conftest import API
from tests.elements.ledger import ledger

METHODS = ("get", "post", "put", "patch", "delete")


def paths(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, before + str(pattern.pattern))
        else:
            yield before + str(pattern.pattern)


def of_an_element() -> list[str]:
    """Every path that has an element's key or id, as the URL patterns have it."""
    enumerator: Any = EndpointEnumerator()
    found = {
        enumerator.get_path_from_regex(path)
        for path in paths(get_resolver("config.urls").url_patterns)
    }
    return sorted(
        path
        for path in found
        if path.startswith((f"{API}/elements/{{key_or_id}}", f"{API}/elements/{{element}}"))
    )


PATHS = of_an_element()


def ask(client: APIClient, path: str, method: str, key: Any) -> Any:
    filled = path.format(
        key_or_id=key,
        element=key,
        configuration_key="base.url",
        instance_id=1,
        account_id=Account.objects.values_list("pk", flat=True).first(),
        row_id=1,
        operation_id="getEntries",
        event_id=1,
    )
    if method == "get":
        return client.get(filled, {"apiKey": "x", "callbackUrl": "https://app.example.com"})
    body = {"key": "base.url", "name": "Taken over", "element": {"key": key}}
    return getattr(client, method)(filled, json.dumps(body), content_type="application/json")


def test_there_are_paths_to_try() -> None:
    assert len(PATHS) > 15


@pytest.mark.parametrize("path", PATHS)
def test_another_organizations_is_not_there(
    path: str, made: dict[str, Any], other_api: APIClient
) -> None:
    before = list(PrivateElement.objects.values())

    for method in METHODS:
        for key in (made["key"], made["id"]):
            answer = ask(other_api, path, method, key)
            # What acts on an Element token's instance wants that first.
            assert answer.status_code in {401, 404, 405}, answer.content
            assert "ledger.example.com" not in answer.content.decode()
    assert list(PrivateElement.objects.values()) == before


@pytest.mark.parametrize("path", PATHS)
def test_nobody_finds_it_without_secrets(path: str, made: dict[str, Any]) -> None:
    before = list(PrivateElement.objects.values())

    for method in METHODS:
        answer = ask(APIClient(), path, method, made["key"])
        assert answer.status_code in {401, 404, 405}, answer.content
    assert list(PrivateElement.objects.values()) == before


@pytest.mark.parametrize("path", PATHS)
def test_the_owner_finds_it(path: str, made: dict[str, Any], api: APIClient) -> None:
    """Else the tests above would pass for a path that is wrong."""
    answers = [ask(api, path, method, made["key"]) for method in METHODS]
    named = "No element found with key"
    assert all(named not in answer.content.decode() for answer in answers)


def test_lists_do_not_hold_it(made: dict[str, Any], other_api: APIClient) -> None:
    for client in (other_api, APIClient()):
        assert client.get(f"{API}/elements/keys").json() == [*built_in.elements()]
        listed = client.get(f"{API}/elements").json()
        assert [one["key"] for one in listed] == [*built_in.elements()]
        assert [one["key"] for one in client.get(f"{API}/elements/metadata").json()] == [
            *built_in.elements()
        ]


def test_two_organizations_may_have_the_same_key(
    api: APIClient, other_api: APIClient, made: dict[str, Any]
) -> None:
    theirs = other_api.post(f"{API}/elements", ledger(description="Theirs."), format="json").json()
    assert theirs["id"] != made["id"]
    assert other_api.get(f"{API}/elements/ledger").json()["description"] == "Theirs."
    assert api.get(f"{API}/elements/ledger").json() == made
    assert api.get(f"{API}/elements/{theirs['id']}").status_code == 404


def test_no_instance_is_made_of_it(made: dict[str, Any], other_api: APIClient) -> None:
    for named in ({"key": "ledger"}, {"id": made["id"]}):
        body = {"name": "Books", "element": named, "configuration": {"api.key": "x"}}
        assert other_api.post(f"{API}/instances", body, format="json").status_code == 404
