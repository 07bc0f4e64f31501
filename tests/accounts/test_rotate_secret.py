"""A new secret ends the old one at once."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest


@pytest.fixture
def made(db: None) -> NewOrganization:
    return create_organization("Acme", "user@example.com")


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_secret", *arguments, stdout=out)
    return out.getvalue().strip()


def test_of_a_user_by_address_in_any_case(made: NewOrganization) -> None:
    new = rotate("--user", "User@Example.com")
    made.user.refresh_from_db()
    assert made.user.secret_digest == digest(new) != digest(made.user_secret)
    assert made.user.secret_hint == new[-4:]


def test_of_an_organization(made: NewOrganization) -> None:
    new = rotate("--organization", str(made.organization.pk))
    made.organization.refresh_from_db()
    assert made.organization.secret_digest == digest(new) != digest(made.organization_secret)


@pytest.mark.parametrize(
    "arguments",
    [["--user", "nobody@example.com"], ["--organization", "0"], ["--organization", "9" * 40]],
)
def test_of_nobody_says_so(made: NewOrganization, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=f"^{arguments[0]}: there is n"):
        rotate(*arguments)
