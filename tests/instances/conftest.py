"""Connecting an account at the sandbox, as the tests of this folder do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from integrations.gmail.sandbox.server import SandboxServer

API = "/elements/api-v2"
REDIRECT = "http://127.0.0.1/callback"


@pytest.fixture
def consent(sandbox: SandboxServer, client: Any) -> Callable[..., str]:
    """Goes through the consent page and returns the code."""

    def give(**answer: Any) -> str:
        url = client.get(
            f"{API}/elements/gmail/oauth/url",
            {"apiKey": "sandbox-client", "apiSecret": "sandbox-secret", "callbackUrl": REDIRECT},
        ).json()["oauthUrl"]
        location = sandbox.control.approve(url, **answer)
        return parse_qs(urlsplit(location).query)["code"][0]

    return give


@pytest.fixture
def body(consent: Callable[..., str]) -> Callable[..., dict[str, Any]]:
    """The body of POST /instances with a fresh code; `configuration` is laid over its own."""

    def make(configuration: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        return {
            "name": "Mailbox",
            "element": {"key": "gmail"},
            "providerData": {"code": more.pop("code", None) or consent()},
            "configuration": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.callback.url": REDIRECT,
                **(configuration or {}),
            },
            **more,
        }

    return make


@pytest.fixture
def api(
    organization: NewOrganization, client_for: Callable[..., APIClient], sandbox: SandboxServer
) -> APIClient:
    """A client with the User and Organization secrets; the provider is the sandbox."""
    return client_for(organization)


@pytest.fixture
def connected(api: APIClient, body: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The answer of a POST /instances without events."""
    answer = api.post(f"{API}/instances", body(), format="json")
    assert answer.status_code == 200, answer.content
    created: dict[str, Any] = answer.json()
    return created
