"""What people do on the pages is in the audit log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from accounts import password_reset
from accounts.models import User
from accounts.provision import create_organization
from accounts.sessions import name_of
from audit.models import Action, AuditEntry, Source
from instances import reconnect_link
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.console.conftest import HERE

PASSWORD = "a passphrase of words"


def written() -> list[tuple[str, int | None]]:
    rows = AuditEntry.objects.exclude(action=Action.SIGNED_IN).order_by("pk")
    assert {row.source for row in rows} <= {Source.CONSOLE}
    return [(row.action, row.user_id) for row in rows]


@pytest.fixture
def person(db: None) -> User:
    return create_organization("Example", "person@example.com", PASSWORD).user


def sign_in(password: str) -> Client:
    browser = Client()
    browser.post("/sign-in", {"username": "person@example.com", "password": password})
    return browser


def test_connecting_and_disconnecting(
    browser: Client, travel: Callable[..., str], member: User
) -> None:
    browser.get(travel())
    instance = ElementInstance.objects.get()
    browser.post(f"/instances/{instance.pk}/reconnect-link")
    browser.post(f"/instances/{instance.pk}/token")
    browser.post(f"/instances/{instance.pk}/delete")
    assert written() == [
        (Action.INSTANCE_CREATED, member.pk),
        (Action.INSTANCE_LINK_MADE, member.pk),
        (Action.INSTANCE_TOKEN_SHOWN, member.pk),
        (Action.INSTANCE_DELETED, member.pk),
    ]


def test_connecting_again_by_a_link_without_signing_in(
    browser: Client, travel: Callable[..., str], sandbox: SandboxServer
) -> None:
    browser.get(travel())
    link = reconnect_link.make(ElementInstance.objects.get(), timezone.now()).url
    owner = Client()
    left = owner.post(link.removeprefix(HERE))
    owner.get(sandbox.control.approve(left["Location"]).removeprefix(HERE))
    assert written()[-1] == (Action.INSTANCE_RECONNECTED, None)


def test_secrets_sessions_and_passwords(person: User) -> None:
    browser, other = sign_in(PASSWORD), sign_in(PASSWORD)
    browser.post("/profile/secret")
    browser.post("/profile/organization-secret")
    key = other.session.session_key
    browser.post("/profile/sessions/end", {"session": name_of(key)})
    browser.post("/profile/sessions/end", {"session": name_of(key)})  # over already
    new = "another one of words"
    sent = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    browser.post("/profile/password", sent)
    assert written() == [
        (Action.USER_SECRET, person.pk),
        (Action.ORGANIZATION_SECRET, person.pk),
        (Action.SESSIONS_ENDED, person.pk),
        (Action.PASSWORD_CHANGED, person.pk),
    ]
    assert AuditEntry.objects.filter(action=Action.SIGNED_IN, user_id=person.pk).count() == 2


def test_a_new_password_by_e_mail(person: User) -> None:
    browser = Client()
    link = password_reset.url_for(person)
    form = browser.get(link[link.index("/password") :])["Location"]
    browser.post(form, {"new_password1": "a third of words", "new_password2": "a third of words"})
    assert written() == [(Action.PASSWORD_RESET, person.pk)]


def test_guessing_is_told_once(person: User) -> None:
    for _ in range(8):
        sign_in("wrong")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.user_id) == (Action.SIGN_IN_STOPPED, None)
    assert (entry.subject_id, entry.organization_id) == (person.pk, person.organization_id)
