"""The admin shows no secret but a new one, once."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User
from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.admin_site")]


@pytest.fixture
def made() -> NewOrganization:
    return create_organization("Acme", "admin@example.com", superuser=True)


@pytest.fixture
def browser(made: NewOrganization) -> Client:
    client = Client()
    client.force_login(made.user)
    return client


@pytest.mark.parametrize("model", ["organization", "user"])
def test_pages_show_neither_secret_nor_digest(
    browser: Client, made: NewOrganization, model: str
) -> None:
    row = made.organization if model == "organization" else made.user
    for address in (
        reverse(f"admin:accounts_{model}_changelist"),
        reverse(f"admin:accounts_{model}_change", args=[row.pk]),
        reverse(f"admin:accounts_{model}_add"),
    ):
        page = browser.get(address)
        assert page.status_code == 200
        text = page.content.decode()
        assert "secret_digest" not in text
        assert str(row.secret_digest) not in text


@pytest.mark.parametrize("model", ["organization", "user"])
def test_the_action_shows_the_new_secret_once(
    browser: Client, made: NewOrganization, model: str
) -> None:
    row = made.organization if model == "organization" else made.user
    address = reverse(f"admin:accounts_{model}_changelist")
    data = {"action": "rotate_secret", "_selected_action": [row.pk]}
    text = browser.post(address, data, follow=True).content.decode()
    found = re.search(rf"The secret of {row} is (\S+) :", text)
    assert found
    row.refresh_from_db()
    assert row.secret_digest == digest(found[1])
    assert found[1] not in browser.get(address).content.decode()


def test_an_organization_made_here_gets_a_secret_of_its_own(browser: Client) -> None:
    address = reverse("admin:accounts_organization_add")
    data = {"name": "Made here"}
    text = browser.post(address, data, follow=True).content.decode()
    found = re.search(r"The secret of Made here is (\S+) :", text)
    assert found
    assert Organization.objects.get(name="Made here").secret_digest == digest(found[1])


def test_a_user_added_here_has_an_address_in_lower_case(
    browser: Client, made: NewOrganization
) -> None:
    data = {
        "username": "Second@Example.com",
        "organization": made.organization.pk,
        "usable_password": "true",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
    }
    page = browser.post(reverse("admin:accounts_user_add"), data)
    assert page.status_code == 302, page.content.decode()
    assert User.objects.filter(username="second@example.com").exists()
    again = browser.post(reverse("admin:accounts_user_add"), data)
    assert "already exists" in again.content.decode()
