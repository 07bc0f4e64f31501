"""An organization with its owner, and the people that the owner makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, User
from accounts.provision import NewOrganization, create_organization, create_user
from accounts.roles import CATALOGUE

API = "/elements/api-v2"


@dataclass(frozen=True)
class Person:
    """A user with a client that calls as this user."""

    user: User
    client: APIClient

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        sent = {} if body is None else {"data": body, "format": "json"}
        return getattr(self.client, method)(f"{API}/{path}", **sent)


MakePerson = Callable[..., Person]


def person_of(user: User, user_secret: str, organization_secret: str) -> Person:
    pairs = f"User {user_secret}, Organization {organization_secret}"
    return Person(user, APIClient(headers={"Authorization": pairs}))


@pytest.fixture
def acme(db: None) -> NewOrganization:
    return create_organization("Acme", "owner@example.com")


@pytest.fixture
def other(db: None) -> NewOrganization:
    return create_organization("Another", "other@example.com")


@pytest.fixture
def owner(acme: NewOrganization) -> Person:
    return person_of(acme.user, acme.user_secret, acme.organization_secret)


@pytest.fixture
def branch(acme: NewOrganization) -> Account:
    """An account beside the default one."""
    return Account.objects.create(
        organization=acme.organization, name="Branch", external_id="branch-1"
    )


@pytest.fixture
def person(acme: NewOrganization) -> MakePerson:
    """Makes a user of the organization, in the default account unless another is given."""

    def make(address: str, *roles: str, account: Account | None = None) -> Person:
        made = create_user(
            account or acme.organization.default_account,
            address,
            roles=[CATALOGUE[key] for key in roles],
        )
        return person_of(made.user, made.secret, acme.organization_secret)

    return make
