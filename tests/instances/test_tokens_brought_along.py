"""POST /instances with tokens instead of a code, and scopes that were not granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from instances.models import Credential, ElementInstance
from integrations.gmail.sandbox.server import SandboxServer

API = "/elements/api-v2"
SETTINGS_SCOPE = "https://www.googleapis.com/auth/gmail.settings.basic"
Json = dict[str, Any]


def request(**configuration: str) -> Json:
    return {
        "name": "Brought",
        "element": {"key": "gmail"},
        "externalAuthentication": "initial",
        "configuration": {
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            **configuration,
        },
    }


@pytest.mark.parametrize("with_access_token", [True, False])
def test_tokens_are_tried_and_kept(
    api: APIClient, sandbox: SandboxServer, with_access_token: bool
) -> None:
    tokens = sandbox.control.sign_in()
    brought = {"oauth.user.refresh_token": tokens["refresh_token"]}
    if with_access_token:
        brought["oauth.user.token"] = tokens["access_token"]

    answer = api.post(f"{API}/instances", request(**brought), format="json")

    assert answer.status_code == 200, answer.content
    created = answer.json()
    assert created["externalAuthentication"] == "initial"
    assert "providerData" not in created
    assert created["configuration"]["oauth.user.token"] == "********"
    assert created["configuration"]["oauth.user.refresh_token"] == "********"
    credential = Credential.objects.get()
    assert credential.refresh_token == tokens["refresh_token"]
    assert credential.refresh_due_at is not None

    # A client that writes the whole instance back changes nothing.
    written = api.put(f"{API}/instances/{created['id']}", created, format="json")
    assert written.status_code == 200, written.content
    assert Credential.objects.get().refresh_token == tokens["refresh_token"]


def test_tokens_that_are_no_good(api: APIClient) -> None:
    body = request(**{"oauth.user.refresh_token": "invented", "oauth.user.token": "invented"})

    answer = api.post(f"{API}/instances", body, format="json")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("configuration.oauth.user.refresh_token: ")
    assert "invalid_grant" in answer.json()["providerMessage"]
    assert not ElementInstance.objects.exists()


def test_an_access_token_alone_is_tried(api: APIClient, sandbox: SandboxServer) -> None:
    bad = api.post(f"{API}/instances", request(**{"oauth.user.token": "invented"}), format="json")

    assert bad.status_code == 401
    assert bad.json()["message"].startswith("configuration.oauth.user.token: ")
    assert not ElementInstance.objects.exists()

    token = sandbox.control.sign_in()["access_token"]
    good = api.post(f"{API}/instances", request(**{"oauth.user.token": token}), format="json")
    assert good.status_code == 200, good.content


@pytest.mark.parametrize("value", [None, "", "********"])
def test_no_tokens(api: APIClient, value: str | None) -> None:
    body = request()
    body["configuration"]["oauth.user.token"] = value

    answer = api.post(f"{API}/instances", body, format="json")

    assert answer.status_code == 400
    assert "oauth.user.token" in answer.json()["message"]
    assert "oauth.callback.url" not in answer.json()["message"]


def test_scope_not_granted_is_said(
    api: APIClient, body: Callable[..., Json], consent: Callable[..., str]
) -> None:
    code = consent(scopes=[SETTINGS_SCOPE])

    events = {"event.notification.enabled": True}

    created = api.post(f"{API}/instances", body(events, code=code), format="json").json()

    assert created["valid"] is True
    assert "event.notification.callback.url" in created["problem"]
    assert "not every scope" in created["problem"]
    assert "https://mail.google.com/" in created["problem"]
    assert SETTINGS_SCOPE not in created["problem"]


def test_the_scopes_asked_for_are_those_configured(
    api: APIClient, body: Callable[..., Json], consent: Callable[..., str]
) -> None:
    code = consent(scopes=[SETTINGS_SCOPE])
    own = {"oauth.scope": SETTINGS_SCOPE}
    created = api.post(f"{API}/instances", body(own, code=code), format="json").json()
    assert "problem" not in created


def test_client_credentials_in_a_header(
    api: APIClient, body: Callable[..., Json], sandbox: SandboxServer
) -> None:
    created = api.post(f"{API}/instances", body({"oauth.basic.header": True}), format="json")
    assert created.status_code == 200, created.content
    assert created.json()["valid"] is True
