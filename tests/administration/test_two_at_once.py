"""A page of the admin is saved while somebody else changes the same row."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import User
from accounts.provision import create_organization, rotate_user_secret
from accounts.secret import digest
from administration.pages.people import UserPage
from tests.administration.world import address, signed_in

AT_ONCE = "SET lock_timeout = '200ms'"


@pytest.mark.django_db(transaction=True)
def test_saving_a_user_brings_no_replaced_secret_back(monkeypatch: pytest.MonkeyPatch) -> None:
    user = create_organization("Acme", "user@example.com").user
    secrets: list[str] = []

    def rotate() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(AT_ONCE)
            secrets.append(rotate_user_secret(User.objects.get(pk=user.pk)))
        except OperationalError:
            pass  # it would have waited for the page
        finally:
            connection.close()

    fieldsets = UserPage.get_fieldsets

    def meanwhile(self: Any, request: Any, obj: Any = None) -> Any:
        """The page has read its row, and somebody replaces the secret."""
        if request.method == "POST":
            thread = threading.Thread(target=rotate)
            thread.start()
            thread.join()
        return fieldsets(self, request, obj)

    browser = signed_in(superuser=True)
    monkeypatch.setattr(UserPage, "get_fieldsets", meanwhile)
    data = {
        "username": user.username,
        "first_name": "New",
        "organization": user.organization_id,
        "account": user.account_id,
        "is_active": "on",
        "date_joined_0": "2026-03-01",
        "date_joined_1": "12:00:00",
        "role_grants-TOTAL_FORMS": "0",
        "role_grants-INITIAL_FORMS": "0",
    }
    saved = browser.post(address(User, "change", user.pk), data)

    assert saved.status_code == 302, saved.content.decode()
    kept = user.secret_digest
    user.refresh_from_db()
    assert user.first_name == "New"
    assert user.secret_digest == (digest(secrets[-1]) if secrets else kept)
