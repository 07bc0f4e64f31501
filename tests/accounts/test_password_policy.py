"""What a password must have, by the settings, and how the API says so."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.models import User
from tests.accounts.conftest import Person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _strict(settings: Settings) -> None:
    settings.AUTH_PASSWORD_VALIDATORS = [
        {
            "NAME": "accounts.password_policy.CharacterValidator",
            "OPTIONS": {"uppercase": 1, "lowercase": 2, "numeric": 1, "special": 1},
        }
    ]


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("aa1!", {"uppercase"}),
        ("AA1!a", {"lowercase"}),
        ("Aaa!", {"numeric"}),
        ("Aaa1", {"special character"}),
        ("????", {"uppercase", "lowercase", "numeric"}),
    ],
)
def test_every_kind_that_lacks_is_named(owner: Person, password: str, words: set[str]) -> None:
    body = {"email": "new@example.com", "password": password}
    answer = owner.ask("post", "organizations/users", body)
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert "at least" in message
    kinds = {"uppercase", "lowercase", "numeric", "special character"}
    assert {kind for kind in kinds if kind in message} == words
    assert not User.objects.filter(username="new@example.com").exists()


def test_it_is_asked_of_organization_users_and_of_changes_alone(owner: Person) -> None:
    weak = {"email": "new@example.com", "password": "password"}
    account = owner.user.account_id
    assert owner.ask("post", "organizations/users", weak).status_code == 400
    made = owner.ask("post", f"accounts/{account}/users", weak)
    assert made.status_code == 200
    path = f"users/{made.json()['id']}"
    assert owner.ask("patch", path, {"password": "password"}).status_code == 400
    assert owner.ask("patch", path, {"password": "Aaa1!"}).status_code == 200
