"""The authorization URL: every parameter, private elements, the platform's own application."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.elements.conftest import API
from tests.elements.ledger import ledger

ASKED = {"apiKey": "a-client", "callbackUrl": "https://app.example.com/callback"}
URL = f"{API}/elements/gmail/oauth/url"


def query_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, answer.content
    return parse_qs(urlsplit(answer.json()["oauthUrl"]).query)


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.mark.parametrize(
    ("state", "sent"),
    [
        (" with blanks ", " with blanks "),
        (7, "7"),
        (True, "true"),
        ({"user": 1}, '{"user":1}'),
        ([1, None], "[1,null]"),
        (None, "gmail"),
        ("", "gmail"),
    ],
)
def test_the_state_is_any_value(client: APIClient, state: Any, sent: str) -> None:
    answer = client.post(URL, {**ASKED, "state": state}, format="json")
    assert query_of(answer)["state"] == [sent]


def test_scopes_may_be_separated_by_commas(client: APIClient) -> None:
    assert query_of(client.get(URL, {**ASKED, "scope": "a, b"}))["scope"] == ["a b"]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"requestToken": "x"}, "requestToken: is of OAuth 1"),
        ({"authentication.type": "oauth1"}, "authentication.type: must be oauth2"),
        ({"isOauthProxy": "true"}, "isOauthProxy: is not supported"),
        ({"isOauthProxy": "perhaps"}, "isOauthProxy must be true or false"),
    ],
)
def test_other_ways_are_refused(client: APIClient, given: dict[str, str], named: str) -> None:
    for answer in (
        client.get(URL, {**ASKED, **given}),
        client.post(URL, {**ASKED, **given}, format="json"),
    ):
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(named)


def test_oauth_1_is_not_supported(client: APIClient) -> None:
    answer = client.get(f"{API}/elements/gmail/oauth/token", ASKED)
    assert answer.status_code == 400
    assert "OAuth 1" in answer.json()["message"]


# --- Private elements ----------------------------------------------------------------------------


def with_oauth(**defaults: str) -> dict[str, Any]:
    values = {
        "base.url": "https://api.example.com",
        "oauth.authorization.url": "https://${subdomain}.example.com/authorize",
        "oauth.token.url": "https://${subdomain}.example.com/token",
        "oauth.scope": "read write",
        **defaults,
    }
    return ledger(
        authentication={"type": "oauth2", "parameters": {"prompt": "consent"}},
        configuration=[{"key": key, "defaultValue": value} for key, value in values.items()],
    )


def test_an_address_does_not_show_a_secret(api: APIClient) -> None:
    stealing = {
        "oauth.authorization.url": "https://${oauth.api.secret}.example.com/authorize",
        "oauth.api.secret": "a-secret",
    }
    assert api.post(f"{API}/elements", with_oauth(**stealing), format="json").status_code == 200
    answer = api.get(f"{API}/elements/ledger/oauth/url", {**ASKED, "subdomain": "acme"})
    assert answer.status_code == 400, answer.content
    assert "oauth.api.secret" in answer.json()["message"]
    assert "a-secret" not in answer.content.decode()


def test_a_private_elements_address_is_filled_with_parameters(api: APIClient) -> None:
    assert api.post(f"{API}/elements", with_oauth(), format="json").status_code == 200
    url = f"{API}/elements/ledger/oauth/url"
    answer = api.get(url, {**ASKED, "subdomain": "acme"})
    assert answer.json()["oauthUrl"].startswith("https://acme.example.com/authorize?prompt=consent")
    assert query_of(answer)["scope"] == ["read write"]

    assert api.get(url, ASKED).json()["message"].startswith("subdomain: missing")
    for wrong in ("a/b", "evil.example#", "a@b", "a b"):
        answer = api.get(url, {**ASKED, "subdomain": wrong})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("subdomain: must be")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("oauth.token.url", "http://api.example.com/token"),
        ("oauth.token.url", ""),
        ("oauth.authorization.url", "javascript:alert(1)"),
        ("oauth.authorization.url", "https://user:pass@example.com/"),
        ("oauth.token.revoke_url", "nonsense"),
    ],
)
def test_addresses_that_are_none_are_named(key: str, value: str, api: APIClient) -> None:
    answer = api.post(f"{API}/elements", with_oauth(**{key: value}), format="json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"configuration.{key}.defaultValue: ")


def test_an_element_without_oauth_has_no_such_address(api: APIClient, made: dict[str, Any]) -> None:
    for path in ("url", "url/default"):
        answer = api.get(f"{API}/elements/ledger/oauth/{path}", ASKED)
        assert answer.status_code == 400
        assert "does not use OAuth 2" in answer.json()["message"]


# --- The platform's own application --------------------------------------------------------------


@pytest.fixture
def application(settings: Settings) -> None:
    settings.GMAIL_CLIENT_ID = "platform-client"
    settings.GMAIL_CLIENT_SECRET = "platform-secret"
    settings.GMAIL_CALLBACK_URL = "https://periodic.example.com/callback"


def test_the_platforms_own_application_is_used(client: APIClient, application: None) -> None:
    answer = client.get(f"{URL}/default", {"state": "s"})
    query = query_of(answer)
    assert query["client_id"] == ["platform-client"]
    assert query["redirect_uri"] == ["https://periodic.example.com/callback"]
    assert query["state"] == ["s"]
    assert answer.json()["configuration"] == {
        "oauth.callback.url": "https://periodic.example.com/callback"
    }
    assert "platform-secret" not in answer.content.decode()

    own = client.get(f"{URL}/default", {"callbackUrl": "https://app.example.com/cb"})
    assert query_of(own)["redirect_uri"] == ["https://app.example.com/cb"]


def test_an_instance_without_an_api_key_is_of_the_platforms_application(
    api: APIClient, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.GMAIL_CLIENT_ID = "sandbox-client"
    settings.GMAIL_CLIENT_SECRET = "sandbox-secret"
    settings.GMAIL_CALLBACK_URL = "http://127.0.0.1/callback"
    consent = api.get(f"{URL}/default").json()
    location = sandbox.control.approve(consent["oauthUrl"])
    body = {
        "name": "Mailbox",
        "element": {"key": "gmail"},
        "providerData": {"code": parse_qs(urlsplit(location).query)["code"][0]},
        "configuration": {},
    }
    answer = api.post(f"{API}/instances", body, format="json")
    assert answer.status_code == 200, answer.content
    assert "sandbox-secret" not in answer.content.decode()
    assert "sandbox-secret" not in ElementInstance.objects.get().secrets


def test_without_one_there_is_no_default(client: APIClient) -> None:
    answer = client.get(f"{URL}/default")
    assert answer.status_code == 404
    assert "oauth/url" in answer.json()["message"]


def test_a_clone_does_not_get_the_platforms_secret(api: APIClient, application: None) -> None:
    """Its owner could name a token address of their own."""
    clone = api.post(f"{API}/elements/gmail/clone", {"key": "mine"}, format="json").json()
    assert api.get(f"{API}/elements/mine/oauth/url/default").status_code == 404
    body = {
        "name": "Mailbox",
        "element": {"id": clone["id"]},
        "providerData": {"code": "x"},
        "configuration": {},
    }
    answer = api.post(f"{API}/instances", body, format="json")
    assert answer.status_code == 400
    assert "configuration.oauth.api.key" in answer.json()["message"]
