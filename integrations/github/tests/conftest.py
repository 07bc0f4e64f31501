from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from integrations.github.sandbox.server import SandboxServer
from integrations.github.tests.story import Customer
from tests.conftest import client_for, organization
from tests.events.receiver import Receiver

__all__ = ["client_for", "organization"]  # fixtures


@pytest.fixture
def github(settings: Settings) -> Iterator[SandboxServer]:
    """A fresh GitHub sandbox, with Periodic's settings pointing at it."""
    with SandboxServer() as server:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GITHUB_API_BASE_URL = server.url
        settings.GITHUB_AUTHORIZATION_URL = f"{server.url}/login/oauth/authorize"
        settings.GITHUB_TOKEN_URL = f"{server.url}/login/oauth/access_token"
        yield server


@pytest.fixture
def customer(
    github: SandboxServer,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> Iterator[Customer]:
    receiver = Receiver()
    yield Customer(client_for(organization), github, receiver)
    receiver.close()
