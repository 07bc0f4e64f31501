from __future__ import annotations

from dataclasses import dataclass

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest, new_instance_token
from instances.models import ElementInstance

API = "/elements/api-v2"


@pytest.fixture(autouse=True)
def _these_endpoints(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.api.endpoints"


@pytest.fixture
def api() -> APIClient:
    """A client that sends no Authorization header of its own."""
    return APIClient()


@pytest.fixture
def acme(db: None) -> NewOrganization:
    return create_organization("Acme", "user@example.com")


@dataclass(frozen=True)
class Connected:
    """An instance with its token in clear."""

    instance: ElementInstance
    token: str


def connect(owner: NewOrganization) -> Connected:
    token = new_instance_token()
    instance = ElementInstance.objects.create(
        organization=owner.organization,
        user=owner.user,
        element_key="gmail",
        name="A mailbox",
        token=token,
        token_digest=digest(token),
    )
    return Connected(instance, token)


@pytest.fixture
def connected(acme: NewOrganization) -> Connected:
    return connect(acme)
