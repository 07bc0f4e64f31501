"""An organization's own element, as the tests of this folder make it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from tests.elements.ledger import ledger

API = "/elements/api-v2"


@pytest.fixture
def api(organization: NewOrganization, client_for: Callable[..., APIClient]) -> APIClient:
    """A client with the User and Organization secrets."""
    return client_for(organization)


@pytest.fixture
def other(db: None) -> NewOrganization:
    return create_organization("Another", "other@example.com")


@pytest.fixture
def other_api(other: NewOrganization, client_for: Callable[..., APIClient]) -> APIClient:
    return client_for(other)


@pytest.fixture
def made(api: APIClient) -> dict[str, Any]:
    """The answer of POST /elements."""
    answer = api.post(f"{API}/elements", ledger(), format="json")
    assert answer.status_code == 200, answer.content
    created: dict[str, Any] = answer.json()
    return created
