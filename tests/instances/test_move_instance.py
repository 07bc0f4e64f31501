"""PATCH with another element: to a clone, never to another provider."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from instances.models import Credential, ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from polling.models import PollingResource
from tests.conftest import ClientFor

API = "/elements/api-v2"


@pytest.fixture
def clone(api: APIClient) -> dict[str, Any]:
    body = {"name": "Own Gmail"}
    answer = api.post(f"{API}/elements/gmail/clone", body, format="json")
    assert answer.status_code == 200, answer.content
    made: dict[str, Any] = answer.json()
    return made


def test_an_instance_moves_to_a_clone_and_back(
    api: APIClient, connected: dict[str, Any], clone: dict[str, Any]
) -> None:
    path = f"{API}/instances/{connected['id']}"
    events = {"configuration": {"event.notification.enabled": "true"}}
    assert api.patch(path, events, format="json").status_code == 200
    polled = PollingResource.objects.get()

    moved = api.patch(path, {"element": {"id": clone["id"]}}, format="json")

    assert moved.status_code == 200, moved.content
    assert moved.json()["element"]["key"] == clone["key"]
    assert moved.json()["token"] == connected["token"]
    after = PollingResource.objects.get()
    assert (after.pk, after.cursor) == (polled.pk, polled.cursor)
    back = api.patch(path, {"element": {"key": "gmail"}}, format="json")
    assert back.json()["elementId"] == 6409
    assert api.delete(f"{API}/elements/{clone['key']}").status_code == 200


def test_a_whole_row_written_back_moves_nothing(api: APIClient, connected: dict[str, Any]) -> None:
    row = api.get(f"{API}/instances/{connected['id']}").json()
    again = api.put(f"{API}/instances/{connected['id']}", row, format="json")
    assert again.status_code == 200, again.content
    assert again.json()["element"]["key"] == "gmail"


def test_an_account_is_not_taken_to_another_provider(
    api: APIClient, connected: dict[str, Any], sandbox: SandboxServer
) -> None:
    foreign = {
        "name": "Foreign",
        "hub": "general",
        "authentication": {"type": "basic"},
        "configuration": [{"key": "base.url", "defaultValue": sandbox.url}],
        "resources": [],
    }
    made = api.post(f"{API}/elements", foreign, format="json")
    assert made.status_code == 200, made.content
    answer = api.patch(
        f"{API}/instances/{connected['id']}", {"element": {"key": "foreign"}}, format="json"
    )
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("element: an instance of Gmail cannot be moved")
    assert ElementInstance.objects.get().element_key == "gmail"
    assert Credential.objects.exists()


def test_a_grant_is_not_moved_to_where_its_tokens_are_renewed_by_others(
    api: APIClient, connected: dict[str, Any]
) -> None:
    thiefs = {
        "name": "Thief",
        "extends": "gmail",
        "configuration": [
            {"key": "oauth.token.refresh_url", "defaultValue": "https://127.0.0.1:1/t"}
        ],
    }
    made = api.post(f"{API}/elements", thiefs, format="json")
    assert made.status_code == 200, made.content
    moved = {"element": {"key": "thief"}}
    answer = api.patch(f"{API}/instances/{connected['id']}", moved, format="json")
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert "providerData.code" in message
    assert "configuration.oauth.api.secret" in message


def test_an_inactive_or_foreign_element_takes_nobody(
    api: APIClient, connected: dict[str, Any], clone: dict[str, Any], client_for: ClientFor
) -> None:
    path = f"{API}/instances/{connected['id']}"
    assert api.delete(f"{API}/elements/{clone['key']}/active").status_code == 200
    answer = api.patch(path, {"element": {"key": clone["key"]}}, format="json")
    assert (answer.status_code, "inactive" in answer.json()["message"]) == (409, True)

    other = client_for(create_organization("Another", "other@example.com"))
    theirs = other.post(f"{API}/elements/gmail/clone", {"name": "Theirs"}, format="json").json()
    assert api.patch(path, {"element": {"id": theirs["id"]}}, format="json").status_code == 404


def test_an_instance_describes_its_hub_calls(api: APIClient, connected: dict[str, Any]) -> None:
    described = api.get(f"{API}/instances/{connected['id']}/docs").json()
    assert described["swagger"] == "2.0"
    assert "get" in described["paths"]["/messages/{id}"]


def test_an_instance_describes_one_hub_call(
    api: APIClient, connected: dict[str, Any], client_for: ClientFor, organization: NewOrganization
) -> None:
    docs = f"{API}/instances/{connected['id']}/docs"
    whole = api.get(docs).json()
    for path, methods in whole["paths"].items():
        for method, operation in methods.items():
            one = api.get(f"{docs}/{operation['operationId']}").json()
            assert one["paths"] == {path: {method: operation}}
            assert [tag["name"] for tag in one["tags"]] == operation["tags"]
            definitions = api.get(f"{docs}/{operation['operationId']}/definitions").json()
            assert definitions == one["definitions"]
            named = set(re.findall("#/definitions/([^']+)'", repr(operation)))
            assert set(definitions) == named
            assert definitions.items() <= whole["definitions"].items()
    of_element = api.get(f"{API}/elements/gmail/instances/{connected['id']}/docs/getLabels").json()
    assert list(of_element["paths"]) == ["/labels"]
    hub = client_for(organization, connected["token"])
    assert hub.get(f"{API}/instances/docs/getLabels").json() == of_element

    unknown = api.get(f"{docs}/getNothing")
    assert unknown.status_code == 404
    assert unknown.json()["message"] == "No operation found with id getNothing"
