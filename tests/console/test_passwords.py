"""Changing a password, and choosing a new one by e-mail."""

from __future__ import annotations

import re
from datetime import timedelta
from unittest.mock import patch

import pytest
import time_machine
from django.conf import LazySettings
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import password_reset
from accounts.access import set_user_active
from accounts.models import BrowserSession, User
from accounts.provision import create_organization
from config import clock

PASSWORD = "a passphrase of words"
NEW = "another one of words"

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return create_organization("Example", "user@example.com", PASSWORD).user


@pytest.fixture
def asked(settings: LazySettings) -> list[str]:
    """The addresses that were queued; each is worked on at once, as the worker would."""
    settings.EMAIL_ENABLED = True
    settings.PUBLIC_URL = "https://periodic.example"
    return []


def ask(address: str) -> str:
    """Asks for an e-mail as a person does, and lets the worker do its part; the page."""
    with patch("accounts.password_reset.async_task") as queued:
        page = Client(HTTP_HOST="127.0.0.1").post("/password", {"email": address})
    assert page.status_code == 200
    (task, queued_address), _ = queued.call_args
    assert (task, queued_address) == ("accounts.password_reset.send", address)
    password_reset.send(queued_address)
    return page.content.decode()


def link_in_mail() -> str:
    found = re.search(r"https://periodic\.example(/password/\S+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def signed_in(password: str) -> Client:
    browser = Client()
    browser.post("/sign-in", {"username": "user@example.com", "password": password})
    return browser


def choose(link: str, password: str, browser: Client | None = None) -> str:
    browser = browser or Client()
    form = browser.get(link)
    if form.status_code != 302:
        return form.content.decode()
    sent = {"new_password1": password, "new_password2": password}
    return browser.post(form["Location"], sent, follow=True).content.decode()


def test_a_new_password_by_e_mail(person: User, asked: list[str]) -> None:
    elsewhere = signed_in(PASSWORD)
    ask("User@Example.com")
    assert mail.outbox[-1].to == ["user@example.com"]
    link = link_in_mail()

    page = choose(link, NEW)

    assert "The new password is set" in page
    assert elsewhere.get("/instances").status_code == 302  # signed out
    assert signed_in(NEW).get("/instances").status_code == 200
    assert signed_in(PASSWORD).get("/instances").status_code == 302
    assert "not good any more" in choose(link, "a third one of words")  # good once


def test_nobody_learns_whose_address_is_known(person: User, asked: list[str]) -> None:
    known, unknown = ask("user@example.com"), ask("nobody@example.com")
    assert len(mail.outbox) == 1
    token = re.compile(r'value="[^"]{20,}"')
    assert token.sub("", known).replace("user@", "") == token.sub("", unknown).replace(
        "nobody@", ""
    )


def test_the_link_ends_by_itself(person: User, asked: list[str]) -> None:
    ask("user@example.com")
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        assert "not good any more" in choose(link_in_mail(), NEW)


def test_an_inbox_is_not_flooded(person: User, asked: list[str]) -> None:
    now = timezone.now()
    for minutes in (0, 1, 9, 11):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            ask("user@example.com")
    assert len(mail.outbox) == 2


@pytest.mark.parametrize("barred", ["off", "without password"])
def test_who_cannot_sign_in_gets_none(person: User, asked: list[str], barred: str) -> None:
    if barred == "off":
        set_user_active(person, False)
    else:
        person.set_unusable_password()
        person.save()
    ask("user@example.com")
    assert mail.outbox == []


def test_without_e_mail_the_page_says_how(settings: LazySettings) -> None:
    settings.EMAIL_ENABLED = False
    with patch("accounts.password_reset.async_task") as queued:
        page = Client().post("/password", {"email": "user@example.com"}).content.decode()
    assert "manage.py changepassword" in page
    assert not queued.called


def test_a_weak_password_is_refused(person: User, asked: list[str]) -> None:
    ask("user@example.com")
    assert "too short" in choose(link_in_mail(), "short")
    assert "1000 characters" in choose(link_in_mail(), "long " * 300)


def test_changing_the_password_ends_the_other_sessions(person: User) -> None:
    here, elsewhere = signed_in(PASSWORD), signed_in(PASSWORD)
    sent = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}

    answer = here.post("/profile/password", sent)

    assert answer["Location"] == "/profile"
    assert here.get("/instances").status_code == 200
    assert elsewhere.get("/instances").status_code == 302
    assert BrowserSession.objects.filter(user=person).count() == 1


def test_the_old_password_is_asked_for(person: User) -> None:
    here = signed_in(PASSWORD)
    sent = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    assert (
        "old password was entered incorrectly"
        in here.post("/profile/password", sent).content.decode()
    )
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/events", "/events"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("https:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\\evil.example", "/"),
    ],
)
def test_signing_in_leads_nowhere_else(person: User, wanted: str, reached: str) -> None:
    sent = {"username": "user@example.com", "password": PASSWORD, "next": wanted}
    browser = Client()
    assert browser.post("/sign-in", sent)["Location"] == reached
    again = browser.get("/sign-in", {"next": wanted})  # who is signed in is sent on at once
    assert again["Location"] == reached


@pytest.mark.postgres_clock
@pytest.mark.parametrize("ours", [365, -365])
def test_a_link_is_good_for_an_hour_on_a_host_with_a_wrong_clock(
    person: User, asked: list[str], ours: int
) -> None:
    ask("user@example.com")
    with time_machine.travel(clock.host_now() + timedelta(days=ours)) as wrong:
        clock.measure()
        page = Client().get(link_in_mail(), follow=True).content.decode()
        assert 'type="password"' in page
        assert password_reset.TOKENS.check_token(person, link_in_mail().split("/")[-1])
        wrong.shift(timedelta(hours=2))
        assert password_reset.TOKENS.check_token(person, link_in_mail().split("/")[-1])
