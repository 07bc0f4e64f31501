"""What the tests of this folder share: an organization's own element, and notes with dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from tests.elements.ledger import ledger
from tests.elements.notes import Notes, at

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


@pytest.fixture
def notes() -> Notes:
    """Fifty notes of the days before: three pages of twenty."""
    notes = Notes()
    for number in range(50):
        notes.put(f"n{number * 37 % 50:02d}", at(-1440 - number))
    notes.put("n07", at(-1000))  # no longer in the order of creation
    return notes
