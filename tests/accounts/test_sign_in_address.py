"""A user signs in with the e-mail address, and one address is one user whatever its case."""

from __future__ import annotations

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import User
from accounts.provision import create_organization

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.mark.parametrize("typed", ["user@example.com", "User@Example.COM", " user@example.com "])
def test_signs_in_in_any_case(typed: str) -> None:
    made = create_organization("Acme", "User@Example.com", PASSWORD)
    assert authenticate(username=typed, password=PASSWORD) == made.user


def test_the_database_refuses_a_second_user_of_one_address() -> None:
    create_organization("Acme", "user@example.com")
    User.objects.create(username="other@example.com", address_verified_at=timezone.now())
    with pytest.raises(IntegrityError, match="one_user_a_verified_address"):
        User.objects.filter(username="other@example.com").update(username="USER@example.com")


def test_createsuperuser_asks_for_nothing_but_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", username="Admin@example.com", interactive=False, verbosity=0)
    admin = User.objects.get()
    assert (admin.username, admin.email) == ("admin@example.com", "admin@example.com")
    assert admin.organization is None
