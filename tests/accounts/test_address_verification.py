"""An e-mail address that nobody has proven gets nothing but the link that proves it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.core import mail as outgoing
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import address_verification, password_reset
from accounts.access import remove_user
from accounts.models import User
from accounts.provision import NewOrganization, create_organization, create_user
from events import mail
from tests.accounts.joining import ADDRESS
from tests.killed_worker import FINISHED, KilledWorker

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
STRANGER = "stranger@example.com"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _sends(settings: Settings) -> None:
    settings.EMAIL_ENABLED = True
    settings.PUBLIC_URL = "https://periodic.example"


@pytest.fixture
def api(organization: NewOrganization, client_for: Callable[..., APIClient]) -> APIClient:
    return client_for(organization)


def work() -> None:
    """Do what is queued, as the worker does."""
    for row in OrmQ.objects.order_by("pk"):
        assert row.func() == "accounts.address_verification.send"
        address_verification.send(*row.args())
        row.delete()


def user_of(made: NewOrganization, password: str | None = None, address: str = STRANGER) -> User:
    return create_user(made.organization.default_account, address, password=password).user


def link() -> str:
    found = re.search(
        r"https://periodic\.example(/verify-address/\S+)", str(outgoing.outbox[-1].body)
    )
    assert found
    return found[1]


def test_a_stranger_gets_one_mail_whose_text_nobody_chooses(
    api: APIClient, organization: NewOrganization
) -> None:
    free = "Buy at https://elsewhere.example"
    organization.organization.name = free
    organization.organization.save()
    body = {"email": STRANGER, "firstName": free, "lastName": free}
    made = api.post(f"{API}/organizations/users", body, format="json")
    assert (made.status_code, made.json()["emailValid"]) == (200, False)
    work()
    [sent] = outgoing.outbox
    assert (sent.to, sent.subject) == ([STRANGER], address_verification.SUBJECT)
    assert "elsewhere" not in f"{sent.subject}{sent.body}"

    letter = {"to": STRANGER, "subject": free, "message": free}
    for path, request in (
        ("notifications/emails", letter),
        (
            "notifications/subscriptions",
            {"channel": "email", "topics": ["t"], "config": {"to": STRANGER}},
        ),
    ):
        answer = api.post(f"{API}/{path}", request, format="json")
        assert answer.status_code == 403
        assert "whose address is verified" in answer.json()["message"]
    assert mail.permitted(organization.organization.pk, None, [STRANGER]) == []
    password_reset.send(STRANGER)
    assert len(outgoing.outbox) == 1


def test_mails_to_strangers_are_few(organization: NewOrganization) -> None:
    user = user_of(organization)
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        assert [address_verification.send(user.pk) for _ in range(2)] == [True, False]
    with time_machine.travel(now + address_verification.SELDOM, tick=False):
        assert address_verification.send(user.pk)
        sent = 1
        for number in range(address_verification.MAX_AN_HOUR):
            other = user_of(organization, address=f"stranger{number}@example.com")
            sent += address_verification.send(other.pk)
            other.refresh_from_db()
            remove_user(other)  # does not make it forgotten
        assert sent == address_verification.MAX_AN_HOUR


def test_the_link_verifies_what_it_was_sent_to_once_the_button_is_pressed(
    organization: NewOrganization,
) -> None:
    user = user_of(organization)
    address_verification.send(user.pk)
    browser = Client(HTTP_HOST="127.0.0.1")

    page = browser.get(link())
    user.refresh_from_db()
    assert (page.status_code, user.address_verified_at) == (200, None)
    assert "no-store" in page["Cache-Control"]
    assert browser.post(link()).status_code == 302
    user.refresh_from_db()
    assert user.address_verified_at is not None
    assert mail.permitted(organization.organization.pk, None, [STRANGER]) == [STRANGER]

    user.username = "another@example.com"
    user.address_verified_at = None
    user.save()
    assert browser.post(link()).status_code == 400  # of the address before
    with time_machine.travel(timezone.now() + address_verification.GOOD_FOR + timedelta(minutes=1)):
        assert browser.get(link()).status_code == 400
    assert browser.get("/verify-address/invented").status_code == 400


def test_a_mistyped_address_hands_no_user_over(organization: NewOrganization) -> None:
    """The stranger who has it neither resets the password nor verifies the user's address."""
    user = user_of(organization, PASSWORD)
    password_reset.send(STRANGER)
    assert outgoing.outbox == []
    address_verification.send(user.pk)
    stranger = Client(HTTP_HOST="127.0.0.1")

    answer = stranger.post(link())
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in")
    stranger.force_login(organization.user)
    assert stranger.post(link()).status_code == 400
    user.refresh_from_db()
    assert user.address_verified_at is None

    stranger.force_login(user)
    assert stranger.post(link()).status_code == 302
    assert password_reset.send(STRANGER)


def test_an_address_is_held_for_nobody_until_it_is_verified(
    api: APIClient, organization: NewOrganization
) -> None:
    """The answer tells nobody what users other organizations have."""
    squatter = user_of(create_organization("Another", "other@example.com"), "a squatter's words")
    made = api.post(
        f"{API}/organizations/users", {"email": STRANGER, "password": PASSWORD}, format="json"
    )
    assert made.status_code == 200
    user = User.objects.get(pk=made.json()["id"])
    assert authenticate(username=STRANGER, password=PASSWORD) == user
    assert authenticate(username=STRANGER, password="a squatter's words") == squatter

    address_verification.confirm(user)
    assert authenticate(username=STRANGER, password=PASSWORD) == user
    assert authenticate(username=STRANGER, password="a squatter's words") is None
    with pytest.raises(address_verification.LinkError, match="another user's already"):
        address_verification.confirm(squatter)
    again = api.post(f"{API}/organizations/users", {"email": STRANGER}, format="json")
    assert again.status_code == 409


def test_who_has_a_user_of_the_same_address_guesses_no_longer_at_the_others(
    organization: NewOrganization,
) -> None:
    user_of(organization, PASSWORD)
    user_of(create_organization("Another", "other@example.com"), "a squatter's words")
    browser = Client(HTTP_HOST="127.0.0.1")
    for password in ("a guess", "a squatter's words", "a guess"):
        browser.post("/sign-in", {"username": STRANGER, "password": password})
        browser.logout()
    assert [row.failures_since_start for row in AccessAttempt.objects.all()] == [2]


def test_another_address_must_be_verified_again(
    api: APIClient, organization: NewOrganization
) -> None:
    answer = api.patch(f"{API}/users/me", {"email": STRANGER}, format="json")
    assert (answer.status_code, answer.json()["emailValid"]) == (200, False)
    password_reset.send(STRANGER)
    password_reset.send("user@example.com")
    assert outgoing.outbox == []
    organization.user.refresh_from_db()
    kept = api.patch(f"{API}/users/me", {"email": STRANGER.upper()}, format="json")
    assert kept.status_code == 200


def test_the_operator_vouches_for_what_is_made_on_the_server(
    organization: NewOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", username="root@example.com", interactive=False, verbosity=0)
    assert not User.objects.filter(address_verified_at=None).exists()
    with pytest.raises(CommandError, match="already a user's address"):
        call_command("create_organization", "Another", email="user@example.com")


def test_the_profile_sends_the_link_again(organization: NewOrganization) -> None:
    user = user_of(organization, PASSWORD)
    browser = Client(HTTP_HOST="127.0.0.1")
    browser.force_login(user)
    assert "not verified" in browser.get("/profile").content.decode()
    assert browser.post("/profile/verification").status_code == 302
    work()
    assert browser.post(link()).status_code == 302
    assert "not verified" not in browser.get("/profile").content.decode()


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_nobody_is_there_without_the_mail() -> None:
    create_organization("Killed", email="user@example.com")
    OrmQ.objects.all().delete()
    worker = KilledWorker("tests.accounts.joining.join")
    try:
        statement, ended = 0, int(signal.SIGKILL)
        while ended != FINISHED:
            statement += 1
            ended = worker.run(statement)
            there = User.objects.filter(username=ADDRESS).count()
            assert OrmQ.objects.count() == there, statement
    finally:
        worker.close()
    assert (there, statement > 2) == (1, True)
