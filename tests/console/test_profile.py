"""The profile: who one is, the secrets, and the sessions that are open."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.backends.base import UpdateError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import secret
from accounts.models import BrowserSession, RoleGrant, User
from accounts.provision import NewOrganization, create_user
from accounts.sessions import name_of, running
from accounts.tasks import remove_old_sessions
from tests.conftest import ClientFor

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)

pytestmark = pytest.mark.django_db


def browser_of(user: User, agent: str = FIREFOX) -> Client:
    browser = Client(HTTP_USER_AGENT=agent)
    browser.force_login(user)
    BrowserSession.objects.filter(pk=key_of(browser)).update(agent=agent, address="192.0.2.7")
    return browser


def key_of(browser: Client) -> str:
    key = browser.session.session_key
    assert key is not None
    return key


def page_of(browser: Client) -> str:
    return browser.get("/profile").content.decode()


def test_who_one_is(member: User) -> None:
    member.first_name = "<b>New</b>"
    member.save()
    page = page_of(browser_of(member))
    assert "user@example.com" in page
    assert "An organization" in page
    assert "Organization administrator" in page
    assert "&lt;b&gt;New&lt;/b&gt;" in page


def test_a_new_secret_is_shown_once(
    member: User, organization: NewOrganization, client_for: ClientFor
) -> None:
    browser = browser_of(member)
    assert f"••••{organization.user_secret[-4:]}" in page_of(browser)

    page = browser.post("/profile/secret").content.decode()

    member.refresh_from_db()
    new = next(
        word
        for word in page.replace("<", " ").replace(">", " ").split()
        if secret.digest(word) == member.secret_digest
    )
    after = page_of(browser)
    assert new not in after
    assert f"••••{new[-4:]}" in after
    assert client_for(organization).get("/elements/api-v2/users/me").status_code == 401


def test_the_organizations_secret_is_its_administrators(
    member: User, organization: NewOrganization
) -> None:
    other = create_user(organization.organization.default_account, "second@example.com").user
    before = organization.organization.secret_digest
    theirs = browser_of(other)
    assert organization.organization.secret_hint not in page_of(theirs)
    refused = theirs.post("/profile/organization-secret", follow=True)
    organization.organization.refresh_from_db()
    assert "only administrators of the organization" in refused.content.decode()
    assert organization.organization.secret_digest == before

    page = browser_of(member).post("/profile/organization-secret").content.decode()
    organization.organization.refresh_from_db()
    assert organization.organization.secret_digest != before
    assert "Copy it now" in page


def test_an_administrator_no_more_is_refused(member: User, organization: NewOrganization) -> None:
    browser = browser_of(member)
    RoleGrant.objects.all().delete()
    before = organization.organization.secret_digest
    browser.post("/profile/organization-secret")
    organization.organization.refresh_from_db()
    assert organization.organization.secret_digest == before


def test_one_session_is_ended(member: User) -> None:
    here, phone = browser_of(member), browser_of(member, PHONE)
    page = page_of(here)
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert key_of(phone) not in page

    here.post("/profile/sessions/end", {"session": name_of(key_of(phone))})

    assert phone.get("/profile").status_code == 302
    assert here.get("/profile").status_code == 200


def test_all_others_are_ended(member: User) -> None:
    here, *others = [browser_of(member) for _ in range(3)]
    here.post("/profile/sessions/end-others")
    assert [one.get("/profile").status_code for one in others] == [302, 302]
    assert here.get("/profile").status_code == 200


def test_the_sessions_of_others_are_not_there(member: User, stranger: User) -> None:
    here, theirs = browser_of(member), browser_of(stranger, PHONE)
    assert "Safari" not in page_of(here)
    here.post("/profile/sessions/end", {"session": name_of(key_of(theirs))})
    here.post("/profile/sessions/end-others")
    assert theirs.get("/profile").status_code == 200


def test_a_session_that_lets_in_no_more_is_not_listed(member: User) -> None:
    here, expired, forgotten = browser_of(member), browser_of(member), browser_of(member, PHONE)
    BrowserSession.objects.filter(pk=key_of(expired)).update(
        agent=PHONE, expire_date=timezone.now() - timedelta(minutes=1)
    )
    session = forgotten.session
    session["_auth_user_hash"] = "of the password before"
    session.save()
    assert "Safari" not in page_of(here)
    assert [row.pk for row in running(member, timezone.now())] == [key_of(here)]


def test_where_and_with_what_a_session_began(member: User) -> None:
    member.set_password("a passphrase of words")
    member.save()
    browser = Client(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.9")
    browser.post("/sign-in", {"username": member.username, "password": "a passphrase of words"})
    row = BrowserSession.objects.get(user=member)
    assert (row.address, row.agent) == ("192.0.2.9", FIREFOX)
    page = page_of(browser)
    assert "192.0.2.9" in page
    assert "Firefox on Linux" in page


def test_a_session_that_is_used_is_seen(
    member: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        browser = browser_of(member)
        browser.get("/sign-in")
    for minutes, noted in ((4, 0), (6, 6), (8, 6), (13, 13)):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            browser.get("/sign-in")
        row = BrowserSession.objects.get(user=member)
        assert row.last_seen_at == now + timedelta(minutes=noted)
    later = time_machine.travel(now + timedelta(minutes=14), tick=False)
    with later, django_assert_num_queries(3):  # session, user, account: as with Django's own
        browser.get("/sign-in")


def test_a_session_that_ends_while_a_page_is_made_stays_ended(member: User) -> None:
    browser = browser_of(member)
    session = browser.session
    session["something"] = 1
    BrowserSession.objects.all().delete()
    with pytest.raises(UpdateError):
        session.save()
    assert not BrowserSession.objects.exists()


def test_ended_sessions_are_removed(member: User) -> None:
    browser_of(member)
    remove_old_sessions()
    assert BrowserSession.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=15), tick=False):
        remove_old_sessions()
    assert not BrowserSession.objects.exists()
