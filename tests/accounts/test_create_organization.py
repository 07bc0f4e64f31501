"""An organization is made with its first user, and its secrets are seen once."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Organization, User
from accounts.provision import AccountError, create_organization
from accounts.secret import digest

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("create_organization", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_ids_and_working_secrets() -> None:
    printed = json.loads(command("Acme", "--email", "user@example.com", "--json"))
    organization = Organization.objects.get(pk=printed["organizationId"])
    user = User.objects.get(pk=printed["userId"])
    assert organization.name == "Acme"
    assert organization.secret_digest == digest(printed["organizationSecret"])
    assert user.secret_digest == digest(printed["userSecret"])
    assert user.organization == organization
    assert re.fullmatch("[0-9a-f]{32}", printed["organizationSecret"])
    assert re.fullmatch("[A-Za-z0-9+/]{43}=", printed["userSecret"])


def test_without_json_a_person_can_read_the_same_four() -> None:
    lines = command("Acme", "--email", "user@example.com").splitlines()
    assert [line.rsplit(None, 1)[0] for line in lines[:4]] == [
        "organization id",
        "organization secret",
        "user id",
        "user secret",
    ]
    assert digest(lines[3].split()[-1]) == User.objects.get().secret_digest


def test_no_secret_is_stored() -> None:
    made = create_organization("Acme", "user@example.com", "correct horse battery")
    columns = [*made.organization.__dict__.values(), *made.user.__dict__.values()]
    text = " ".join(map(str, columns))
    assert made.organization_secret not in text
    assert made.user_secret not in text
    assert "correct horse" not in text


def test_the_first_user_signs_in_with_the_password_and_administers_nothing() -> None:
    user = create_organization("Acme", "user@example.com", "correct horse battery").user
    assert user.check_password("correct horse battery")
    assert not user.is_staff
    assert not user.is_superuser


def test_without_a_password_nobody_signs_in() -> None:
    assert not create_organization("Acme", "user@example.com").user.has_usable_password()


def test_a_superuser_is_made_only_when_asked_for() -> None:
    command("Acme", "--email", "user@example.com", "--superuser")
    user = User.objects.get()
    assert user.is_staff
    assert user.is_superuser


@pytest.mark.parametrize(
    ("name", "email", "password", "message"),
    [
        ("  ", "user@example.com", None, "name: is empty"),
        ("x" * 201, "user@example.com", None, "name: has 201 characters; 200 are allowed"),
        ("a\0b", "user@example.com", None, "name: contains control characters"),
        ("Acme", "not an address", None, "email: is not an e-mail address"),
        ("Acme", "", None, "email: is not an e-mail address"),
        ("Acme", f"{'x' * 300}@example.com", None, "email: is longer than the 254"),
        ("Acme", "taken@example.com", None, "email: taken@example.com is already"),
        ("Acme", " Taken@Example.COM ", None, "email: taken@example.com is already"),
        ("Acme", "user@example.com", "short", "password: This password is too short"),
        ("Acme", "user@example.com", "", "password: This password is too short"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_is_left_behind(
    name: str, email: str, password: str | None, message: str
) -> None:
    create_organization("Another", "taken@example.com")
    with pytest.raises(AccountError, match=f"^{message}"):
        create_organization(name, email, password)
    assert Organization.objects.count() == User.objects.count() == 1


def test_the_command_says_it_without_a_traceback() -> None:
    with pytest.raises(CommandError, match="email: is not an e-mail address"):
        command("Acme", "--email", "nobody")
