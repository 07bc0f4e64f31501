"""The admin shows no secret but a new one, once."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, BrowserSession, Organization, User
from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest
from accounts.signals import access_changed
from events.models import Event
from events.own_events import record_wanted_reconnection
from instances import reconnect_link
from instances.models import ElementInstance

pytestmark = pytest.mark.django_db


@pytest.fixture
def made() -> NewOrganization:
    return create_organization("Acme", "admin@example.com", superuser=True)


@pytest.fixture
def browser(made: NewOrganization) -> Client:
    client = Client()
    client.force_login(made.user)
    return client


@pytest.mark.parametrize("model", ["organization", "user", "account"])
def test_pages_show_neither_secret_nor_digest(
    browser: Client, made: NewOrganization, model: str
) -> None:
    rows = {
        "organization": made.organization,
        "user": made.user,
        "account": made.organization.default_account,
    }
    row = rows[model]
    for address in (
        reverse(f"admin:accounts_{model}_changelist"),
        reverse(f"admin:accounts_{model}_change", args=[row.pk]),
        reverse(f"admin:accounts_{model}_add"),
    ):
        page = browser.get(address)
        assert page.status_code == 200
        text = page.content.decode()
        assert "secret_digest" not in text
        for digested in (made.organization.secret_digest, made.user.secret_digest):
            assert str(digested) not in text


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


def test_a_new_secret_is_neither_in_a_cookie_nor_readable_in_the_session(
    browser: Client, made: NewOrganization
) -> None:
    address = reverse("admin:accounts_organization_changelist")
    data = {"action": "rotate_secret", "_selected_action": [made.organization.pk]}
    answer = browser.post(address, data)
    assert set(answer.cookies) <= {"sessionid", "csrftoken"}
    [row] = BrowserSession.objects.filter(user=made.user)
    kept = json.dumps(row.get_decoded())
    assert "The secret of" not in kept
    text = browser.get(address).content.decode()
    found = re.search(r"The secret of Acme is (\S+) :", text)
    assert found
    assert found[1] not in kept
    assert "_messages" not in BrowserSession.objects.get().get_decoded()


def test_a_dashboard_that_renews_itself_takes_no_secret_away(
    browser: Client, made: NewOrganization
) -> None:
    address = reverse("admin:accounts_organization_changelist")
    data = {"action": "rotate_secret", "_selected_action": [made.organization.pk]}
    browser.post(address, data)
    elsewhere = browser.get(reverse("admin:index"), headers={"HX-Request": "true"})
    assert "The secret of" not in elsewhere.content.decode()
    assert "The secret of" in browser.get(address).content.decode()


def test_a_link_that_an_owner_was_sent_is_not_for_a_superuser(
    browser: Client, made: NewOrganization
) -> None:
    now = timezone.now()
    instance = ElementInstance.objects.create(
        organization=made.organization, user=made.user, element_key="gmail", name="A mailbox"
    )
    with transaction.atomic():
        record_wanted_reconnection(instance, now)
    event = Event.objects.get()
    [link] = re.findall(r"/reconnect/([^\"]+)", event.body)
    assert reconnect_link.find(link, now)
    text = browser.get(reverse("admin:events_event_change", args=[event.pk])).content.decode()
    assert "reconnectUrl" in text
    assert "/reconnect/********" in text
    assert link.partition(":")[0] not in text


def test_nobody_takes_over_a_superuser_by_a_new_secret(made: NewOrganization) -> None:
    clerk = User.objects.create(username="clerk@example.com", is_staff=True)
    rights = ("view_user", "change_user")
    clerk.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(clerk)
    data = {"action": "rotate_secret", "_selected_action": [made.user.pk]}
    listed = reverse("admin:accounts_user_changelist")
    text = client.post(listed, data, follow=True).content.decode()
    assert "Only a superuser gives a superuser a new secret." in text
    before = made.user.secret_digest
    made.user.refresh_from_db()
    assert made.user.secret_digest == before
    password = reverse("admin:auth_user_password_change", args=[made.user.pk])
    new = {"password1": "correct horse battery", "password2": "correct horse battery"}
    assert client.post(password, new).status_code == 403
    data["_selected_action"] = [clerk.pk]
    assert (
        "The secret of clerk@example.com is"
        in client.post(listed, data, follow=True).content.decode()
    )


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


def test_switching_an_account_off_there_takes_its_users_access(
    browser: Client, made: NewOrganization
) -> None:
    branch = Account.objects.create(
        organization=made.organization, name="Branch", external_id="branch"
    )
    member = User.objects.create(
        username="member@example.com", organization=made.organization, account=branch
    )
    told: list[tuple[list[int], bool]] = []

    def hear(*, user_ids: list[int], open: bool, **_: Any) -> None:  # noqa: A002 - the signal's
        told.append((user_ids, open))

    access_changed.connect(hear)
    address = reverse("admin:accounts_account_change", args=[branch.pk])
    data = {"name": "Branch", "external_id": "branch", "failure_policy": "queue"}
    page = browser.post(address, data)

    assert page.status_code == 302, page.content.decode()
    branch.refresh_from_db()
    assert (branch.active, branch.failure_policy) == (False, "queue")
    assert told == [([member.pk], False)]
    access_changed.disconnect(hear)


def test_an_external_id_that_another_account_has_is_refused(
    browser: Client, made: NewOrganization
) -> None:
    for name in ("one", "other"):
        Account.objects.create(organization=made.organization, name=name, external_id=name)
    one = Account.objects.get(name="one")
    address = reverse("admin:accounts_account_change", args=[one.pk])
    data = {"name": "one", "external_id": "other", "failure_policy": "queue", "active": "on"}
    assert "another active account" in browser.post(address, data, follow=True).content.decode()
    one.refresh_from_db()
    assert one.external_id == "one"
    Account.objects.filter(pk=one.pk).update(active=False, external_id="other")
    assert "another active account" in browser.post(address, data, follow=True).content.decode()


def test_the_default_account_can_neither_be_switched_off_nor_deleted(
    browser: Client, made: NewOrganization
) -> None:
    account = made.organization.default_account
    address = reverse("admin:accounts_account_change", args=[account.pk])
    data = {"name": "Renamed", "external_id": "", "failure_policy": "retry"}
    assert browser.post(address, data).status_code == 302
    account.refresh_from_db()
    assert (account.name, account.active) == ("Renamed", True)
    assert "deletelink" not in browser.get(address).content.decode()


def test_a_user_is_in_no_other_organizations_account(
    browser: Client, made: NewOrganization
) -> None:
    foreign = create_organization("Another", "other@example.com").organization.default_account
    page = browser.get(reverse("admin:accounts_user_change", args=[made.user.pk]))
    assert page.status_code == 200
    data = {
        "username": made.user.username,
        "organization": made.organization.pk,
        "account": foreign.pk,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "date_joined_0": "2026-03-01",
        "date_joined_1": "12:00:00",
        "role_grants-TOTAL_FORMS": "0",
        "role_grants-INITIAL_FORMS": "0",
    }
    address = reverse("admin:accounts_user_change", args=[made.user.pk])
    assert "of another organization" in browser.post(address, data).content.decode()
    data["account"] = made.organization.default_account.pk
    saved = browser.post(address, data)
    assert saved.status_code == 302, saved.content.decode()
