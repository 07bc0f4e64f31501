"""An instance at the sandbox, and a client that calls its resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements import catalogue
from instances import provision
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer


@pytest.fixture
def connect(organization: NewOrganization, sandbox: SandboxServer) -> Callable[..., Any]:
    """Connects the sandbox's mailbox; keywords are further configuration."""

    def make(**configuration: str) -> ElementInstance:
        tokens = sandbox.control.sign_in()
        wish = provision.Wish(
            name="Mailbox",
            configuration={
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                **configuration,
            },
            consent=provision.Consent(external=True, refresh_token=tokens["refresh_token"]),
        )
        return provision.create(
            organization.user, organization.organization, catalogue.find("gmail"), wish
        )

    return make


@pytest.fixture
def instance(connect: Callable[..., ElementInstance]) -> ElementInstance:
    return connect()


@pytest.fixture
def hub(
    instance: ElementInstance, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> APIClient:
    """A client with the User, Organization and Element secrets."""
    return client_for(organization, instance.token)
