"""/elements: read by anybody, without a word about who they are."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.test import APIClient

from elements import built_in

API = "/elements/api-v2"
OAUTH_URL = f"{API}/elements/gmail/oauth/url"
ASKED = {
    "apiKey": "a client",
    "apiSecret": "do-not-tell",
    "callbackUrl": "https://app.example.com/callback",
}


@pytest.fixture
def client() -> APIClient:
    return APIClient()


def test_the_catalogue_lists_every_element(client: APIClient) -> None:
    answer = client.get(f"{API}/elements")
    assert answer.status_code == 200
    assert "gmail" in [element["key"] for element in answer.json()]
    assert answer["Elements-Returned-Count"] == str(len(answer.json()))
    assert answer["Content-Type"] == "application/json;charset=UTF-8"
    assert client.get(f"{API}/elements/keys").json() == [*built_in.elements()]


@pytest.mark.parametrize("name", ["gmail", "6409"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_an_element_is_read_by_key_and_by_id(client: APIClient, name: str, slash: str) -> None:
    element = client.get(f"{API}/elements/{name}{slash}").json()
    assert (element["id"], element["key"], element["name"]) == (6409, "gmail", "Gmail")
    assert element["hub"] == "general"
    assert element["authentication"]["type"] == "oauth2"
    assert element["active"] is True
    assert element["deleted"] is False
    paths = [resource["path"] for resource in element["resources"]]
    assert "/hubs/general/changed-messages" in paths


@pytest.mark.parametrize(
    "path", ["", "/configuration", "/metadata", "/oauth/url?apiKey=x&callbackUrl=http://a.example"]
)
def test_an_unknown_element_is_not_found(client: APIClient, path: str) -> None:
    answer = client.get(f"{API}/elements/nothing{path}")
    assert answer.status_code == 404
    assert answer.json()["message"] == "No element found with key nothing"
    assert answer.json()["requestId"] == answer["Elements-Request-Id"]


def test_the_configuration_is_an_object_that_holds_the_entries(client: APIClient) -> None:
    answer = client.get(f"{API}/elements/gmail/configuration").json()
    assert list(answer) == ["configuration"]
    entries: dict[str, dict[str, Any]] = {entry["key"]: entry for entry in answer["configuration"]}
    assert len({entry["id"] for entry in answer["configuration"]}) == len(entries)
    assert {key for key, entry in entries.items() if entry["required"]} == {
        "oauth.api.key",
        "oauth.api.secret",
        "oauth.callback.url",
    }
    poller = json.loads(entries["event.poller.configuration"]["defaultValue"])
    assert poller == {
        "changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"}
    }
    assert {key: entry["displayOrder"] for key, entry in entries.items() if "event." in key} == {
        "event.notification.enabled": 100,
        "event.notification.callback.url": 101,
        "event.notification.signature.key": 102,
        "event.poller.refresh_interval": 103,
        "event.poller.configuration": 104,
        "event.vendor.type": 105,
        "event.notification.type": 106,
        "event.vendor.push.topic": 107,
    }
    assert entries["event.poller.refresh_interval"]["defaultValue"] == "15"
    assert entries["event.vendor.type"]["defaultValue"] == "polling"
    assert entries["oauth.user.refresh_interval"]["defaultValue"] == "3600"
    assert entries["filter.response.nulls"]["type"] == "BOOLEAN"
    assert entries["base.url"]["hideFromConsole"] is True
    assert "defaultValue" not in entries["oauth.api.key"]


def test_metadata_says_that_polling_is_supported(client: APIClient) -> None:
    metadata = client.get(f"{API}/elements/gmail/metadata").json()
    events = metadata["events"]
    assert events["supported"] is True
    assert events["methods"] == ["polling"]
    assert events["polling"]["changed-messages"] == {
        "eventTypes": ["created", "updated", "deleted"]
    }
    # Of messages no more than the ids is listed.
    assert events["polling"]["messages"] == {"eventTypes": ["created", "deleted"]}
    assert "profile" not in events["polling"]
    assert "resources" not in metadata
    assert metadata in client.get(f"{API}/elements/metadata").json()
    expanded = client.get(f"{API}/elements/6409/metadata?expand=true").json()
    assert expanded["authenticationType"] == "oauth2"
    assert "changed-messages" in [found["canonicalName"] for found in expanded["resources"]]
    more = {"image": "", "displayOrder": 0, "swaggerValidated": True, "normalizedPaging": True}
    assert {name: expanded[name] for name in more} == more


def test_what_bulk_jobs_can_read_is_said(client: APIClient) -> None:
    element = client.get(f"{API}/elements/gmail").json()
    assert (element["bulkDownloadEnabled"], element["bulkUploadEnabled"]) == (True, False)
    metadata = client.get(f"{API}/elements/gmail/metadata?expand=true").json()
    assert metadata["bulk"] == {"upload": False, "download": True}
    said = {found["canonicalName"]: found["bulk"]["download"] for found in metadata["resources"]}
    assert said["messages"] == {"supported": True, "native": False}


def test_the_authorization_url_is_given(client: APIClient) -> None:
    by_get = client.get(OAUTH_URL, ASKED)
    by_post = client.post(OAUTH_URL, ASKED, format="json")
    assert by_get.status_code == by_post.status_code == 200
    assert by_get.json() == by_post.json()
    assert by_get.json()["element"] == "gmail"
    url = by_get.json()["oauthUrl"]
    assert "do-not-tell" not in url
    assert list(parse_qs(urlsplit(url).query)) == [
        "access_type",
        "prompt",
        "scope",
        "response_type",
        "redirect_uri",
        "state",
        "client_id",
    ]


def test_state_and_scope_replace_the_defaults(client: APIClient) -> None:
    answer = client.get(OAUTH_URL, {**ASKED, "state": "any & value", "scope": "one two"})
    query = parse_qs(urlsplit(answer.json()["oauthUrl"]).query)
    assert query["state"] == ["any & value"]
    assert query["scope"] == ["one two"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "apiKey and callbackUrl: missing"),
        ({"apiKey": "x"}, "callbackUrl: missing"),
        ({"callbackUrl": "https://a.example"}, "apiKey: missing"),
        ({"apiKey": " ", "callbackUrl": "https://a.example"}, "apiKey: missing"),
        ({"apiKey": "x", "callbackUrl": "a.example"}, "callbackUrl: must be an address"),
        ({"apiKey": "x", "callbackUrl": "https://u:p@a.example"}, "callbackUrl: must not hold"),
        ({**ASKED, "state": "x" * 5000}, "state: must not be longer"),
    ],
)
def test_a_fault_names_the_parameter(client: APIClient, given: dict[str, str], named: str) -> None:
    for answer in (client.get(OAUTH_URL, given), client.post(OAUTH_URL, given, format="json")):
        assert answer.status_code == 400
        assert named in answer.json()["message"]


def test_a_null_character_is_refused(client: APIClient) -> None:
    given = {**ASKED, "state": "a\x00b"}
    for answer in (client.get(OAUTH_URL, given), client.post(OAUTH_URL, given, format="json")):
        assert answer.status_code == 400
        assert "nul" in answer.json()["message"].lower()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b'{"apiKey": {}, "callbackUrl": "https://a.example"}',
        b'{"apiKey": "\\ud800", "callbackUrl": "https://a.example"}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_none_is_refused(client: APIClient, body: bytes) -> None:
    answer = client.post(OAUTH_URL, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_other_verbs_are_not_allowed(client: APIClient) -> None:
    answer = client.delete(f"{API}/elements/gmail/metadata")
    assert answer.status_code == 405
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("key='gmail'", ["gmail"]),
        ("key in ('gmail', 'other')", ["gmail"]),
        ("name LIKE 'gm%' and hub='general'", ["gmail"]),
        ("private='false'", [*built_in.elements()]),
        ("private=true", []),
        ("extended='true'", []),
        ("id=6409 and authentication.type='oauth2'", ["gmail"]),
        ("key='nothing'", []),
    ],
)
def test_where_asks_for_elements(client: APIClient, where: str, found: list[str]) -> None:
    answer = client.get(f"{API}/elements", {"where": where})
    assert answer.status_code == 200, answer.content
    assert [element["key"] for element in answer.json()] == found
    assert answer["Elements-Total-Count"] == str(len(found))


def test_abridged_elements_have_no_lists(client: APIClient) -> None:
    where = "abridged='true' and key='gmail'"
    (element,) = client.get(f"{API}/elements", {"where": where}).json()
    assert element["key"] == "gmail"
    assert {"configuration", "resources", "objects", "parameters", "hooks"} & set(element) == set()


@pytest.mark.parametrize(
    "where", ["key=", "(key='a'", "nothing='a'", "1=1", "key='a' --", "x" * 99999]
)
def test_a_where_that_cannot_be_asked_is_refused(client: APIClient, where: str) -> None:
    answer = client.get(f"{API}/elements", {"where": where})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("where: ")


def test_transformations_are_empty(client: APIClient) -> None:
    assert client.get(f"{API}/elements/gmail/transformations").json() == {}
    assert client.get(f"{API}/elements/nothing/transformations").status_code == 404
