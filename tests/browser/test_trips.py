"""What can go wrong at the provider: each is said, with what to do, and nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import psycopg
import pytest
import requests
from playwright.sync_api import Page, expect

from instances.oauth import TripFault
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX
from tests.browser import axe, clicks
from tests.browser.conftest import Opened
from tests.browser.site import CLIENT_ID, CLIENT_SECRET, Member, Site

MAIL_SCOPE = "https://mail.google.com/"
NOT_CONNECTED = "The account was not connected"
# What each page that can end a trip is called. All of them are come to below.
HEADINGS = {
    TripFault.REFUSED: "The access was refused",
    TripFault.PROVIDER: NOT_CONNECTED,
    TripFault.NO_ANSWER: "Gmail did not answer",
    TripFault.CLIENT: "Gmail did not accept the API key or its secret",
    TripFault.REDIRECT_URI: "The callback URL is not registered",
    TripFault.SPENT_CODE: "The permission was no longer good",
    TripFault.EXPIRED: "That took too long",
    TripFault.USED: "This page was loaded twice",
    TripFault.UNKNOWN: NOT_CONNECTED,
    TripFault.OTHER_SESSION: "This began in another browser",
    TripFault.DETAILS: NOT_CONNECTED,
    TripFault.GONE: "The instance is no longer there",
}
# Only a reconnection can meet it: tests/console/test_trip_pages.py does.
NOT_HERE = {TripFault.OTHER_ACCOUNT}


@pytest.fixture
def at_the_provider(signed_in: Page, site: Site) -> Page:
    """On the consent page, with the form filled in before."""
    signed_in.goto("/catalogue")
    clicks.fill_in(signed_in, "My mailbox", site.places.receiver)
    clicks.go_on(signed_in)
    expect(signed_in.get_by_role("button", name="Deny")).to_be_visible()
    return signed_in


def own_mail(provider: str) -> dict[str, object]:
    """An element of one's own, whose accounts are at this provider."""
    settings = {
        "oauth.authorization.url": f"{provider}/o/oauth2/v2/auth",
        "oauth.token.url": f"{provider}/token",
        "oauth.scope": MAIL_SCOPE,
        "base.url": provider,
    }
    return {
        "name": "Own mail",
        "hub": "general",
        "authentication": {"type": "oauth2"},
        "configuration": [{"key": key, "defaultValue": one} for key, one in settings.items()],
        "resources": [{"method": "GET", "path": "/hubs/general/mails", "vendorPath": "/mails"}],
    }


def expect_connected(page: Page, name: str = "My mailbox") -> None:
    expect(page.get_by_text("The account is connected.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def expect_fault(page: Page, fault: TripFault) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[fault])
    expect(page.get_by_role("heading", name="What to do")).to_be_visible()
    assert axe.faults(page) == []


def asked(page: Page, *without: str, **instead: str) -> str:
    """The address of the consent page that is open, with another query."""
    at = urlsplit(page.url)
    query = {key: value for key, value in parse_qsl(at.query) if key not in without}
    return at._replace(query=urlencode(query | instead)).geturl()


def spend_the_code(page: Page, site: Site) -> None:
    """Somebody exchanges it before it comes back here."""
    without_proof = asked(page, "code_challenge", "code_challenge_method")
    location = site.control.approve(without_proof, DEFAULT_MAILBOX)
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(location).query)["code"][0],
        "redirect_uri": f"{site.url}/oauth/callback",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }
    assert requests.post(f"{site.places.sandbox}/token", data=form, timeout=30).status_code == 200
    page.goto(location)


def come_back_elsewhere(page: Page, site: Site) -> None:
    """The code is sent to another address than it is exchanged for."""
    page.goto(asked(page, redirect_uri=f"{site.url}/oauth/callback?elsewhere=1"))
    clicks.allow(page)


def ask_nothing(page: Page, site: Site) -> None:
    """The provider may show no page, and says that it would have to."""
    page.goto(asked(page, prompt="none"))


def answer_with(fault: dict[str, object]) -> Callable[[Page, Site], None]:
    """The token endpoint does, once."""

    def allow(page: Page, site: Site) -> None:
        site.control.add_fault({"path": "/token", "method": "POST"}, fault, times=1)
        clicks.allow(page)

    return allow


# By the person's own hand or not: after each of these another try is a good one.
PASSING = [
    (TripFault.PROVIDER, ask_nothing),
    (TripFault.SPENT_CODE, spend_the_code),
    (TripFault.REDIRECT_URI, come_back_elsewhere),
    (TripFault.NO_ANSWER, answer_with({"cut": "before"})),
    (TripFault.NO_ANSWER, answer_with({"status": 503})),
]


def test_each_fault_of_a_trip_is_here() -> None:
    assert set(HEADINGS) == set(TripFault) - NOT_HERE


def test_after_whatever_passes_another_try_connects(at_the_provider: Page, site: Site) -> None:
    page = at_the_provider
    for fault, go_wrong in PASSING:
        go_wrong(page, site)
        expect_fault(page, fault)
        page.get_by_role("button", name="Try again").click()
    clicks.allow(page)
    expect_connected(page)


def test_the_browsers_back_does_not_connect_twice(
    at_the_provider: Page, site: Site, member: Member
) -> None:
    page = at_the_provider
    clicks.allow(page)
    expect_connected(page)
    page.go_back()
    clicks.allow(page)
    expect_fault(page, TripFault.USED)
    page.get_by_role("main").get_by_role("link", name="instances", exact=True).click()
    expect(page.get_by_role("row").get_by_role("link", name="My mailbox")).to_be_visible()
    assert len(member.call("GET", "/instances")) == 1


def test_a_state_that_nobody_issued(at_the_provider: Page) -> None:
    page = at_the_provider
    page.goto(asked(page, state="made-up"))
    clicks.allow(page)
    expect_fault(page, TripFault.UNKNOWN)
    page.get_by_role("link", name="catalogue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Elements")


def test_a_way_that_somebody_else_goes_on(
    at_the_provider: Page, open_page: Opened, site: Site, member: Member
) -> None:
    other = open_page(site.new_member())
    other.goto(at_the_provider.url)
    clicks.allow(other)
    expect_fault(other, TripFault.OTHER_SESSION)

    same_person = open_page()
    same_person.goto(at_the_provider.url)
    clicks.allow(same_person)
    clicks.sign_in_here(same_person, member)
    expect_fault(same_person, TripFault.OTHER_SESSION)
    same_person.get_by_role("link", name="catalogue").click()
    expect(same_person.get_by_role("heading", level=1)).to_have_text("Elements")

    clicks.allow(at_the_provider)  # whose way it is
    expect_connected(at_the_provider)


def test_an_instance_that_is_deleted_while_it_is_connected_again(
    signed_in: Page, site: Site, member: Member
) -> None:
    page = signed_in
    instance = site.connect(member)
    page.goto(f"/instances/{instance}")
    page.get_by_role("button", name="Reconnect").click()
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    member.call("DELETE", f"/instances/{instance}")
    clicks.allow(page)
    expect_fault(page, TripFault.GONE)
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    page.get_by_role("link", name="All instances").click()
    expect(page.get_by_text("No account is connected yet.")).to_be_visible()


def test_an_element_that_is_switched_off_meanwhile(
    signed_in: Page, site: Site, member: Member
) -> None:
    member.call("POST", "/elements", own_mail(site.places.sandbox))
    page = signed_in
    page.goto("/catalogue/ownmail/authenticate")
    page.get_by_label("API key").fill(CLIENT_ID)
    page.get_by_label("API secret").fill(CLIENT_SECRET)
    page.get_by_label("Events Enabled").uncheck()
    clicks.go_on(page)
    expect(page.get_by_role("button", name="Allow")).to_be_visible()
    member.call("DELETE", "/elements/ownmail/active")
    clicks.allow(page)
    expect_fault(page, TripFault.DETAILS)
    member.call("PUT", "/elements/ownmail/active")
    page.get_by_role("button", name="Try again").click()
    clicks.allow(page)
    expect_connected(page, "Own mail")


def test_after_a_refusal_the_details_are_still_there(at_the_provider: Page) -> None:
    page = at_the_provider
    page.get_by_role("button", name="Deny").click()

    expect_fault(page, TripFault.REFUSED)
    expect(page.get_by_text("Try again, choose the account")).to_be_visible()

    page.get_by_role("link", name="Change the details").click()
    expect(page.get_by_label("API key")).to_have_value(CLIENT_ID)
    page.get_by_label(re.compile("^Name")).fill("Another name")
    clicks.go_on(page)
    clicks.allow(page)
    expect_connected(page, "Another name")


def test_a_refusal_is_made_good_with_another_try(at_the_provider: Page) -> None:
    page = at_the_provider
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("button", name="Try again").click()
    clicks.allow(page)
    expect_connected(page)


def test_a_scope_that_was_unticked_is_named(at_the_provider: Page) -> None:
    page = at_the_provider
    page.get_by_role("checkbox", name=MAIL_SCOPE).uncheck()
    clicks.allow(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("but not all was allowed")
    expect(page.get_by_text(MAIL_SCOPE)).to_be_visible()

    page.get_by_role("button", name="Connect again").click()
    clicks.allow(page)
    expect_connected(page)
    expect(page.get_by_text(MAIL_SCOPE)).not_to_be_visible()


def test_a_state_that_has_expired(at_the_provider: Page, site: Site) -> None:
    page = at_the_provider
    with psycopg.connect(site.places.more["DATABASE_URL"]) as connection:
        connection.execute("UPDATE instances_oauthstate SET expires_at = now()")
    clicks.allow(page)
    expect_fault(page, TripFault.EXPIRED)
    page.get_by_role("button", name="Try again").click()
    clicks.allow(page)
    expect_connected(page)


def test_a_redirect_uri_that_is_not_registered(signed_in: Page, site: Site) -> None:
    site.control.register_client("elsewhere", "secret", ["https://elsewhere.example.com/"])
    page = signed_in
    page.goto("/catalogue")
    clicks.fill_in(page, "My mailbox", site.places.receiver)
    page.get_by_label("API key").fill("elsewhere")
    clicks.go_on(page)
    expect(page.get_by_text("redirect_uri_mismatch")).to_be_visible()

    page.go_back()
    page.get_by_role("link", name="Go on with what you typed then").click()
    expect(page.get_by_label(re.compile("^Name"))).to_have_value("My mailbox")
    redirects = [f"{site.url}/oauth/callback"]
    site.control.register_client("elsewhere", "secret", redirects)
    page.get_by_label("API secret").fill("secret")
    clicks.go_on(page)
    clicks.allow(page)
    expect_connected(page)


def test_a_wrong_secret(signed_in: Page, site: Site) -> None:
    page = signed_in
    page.goto("/catalogue")
    clicks.fill_in(page, "My mailbox", site.places.receiver, secret="wrong")
    clicks.go_on(page)
    clicks.allow(page)
    expect_fault(page, TripFault.CLIENT)
    page.get_by_role("link", name="Change the details").click()
    page.get_by_label("API secret").fill("sandbox-secret")
    clicks.go_on(page)
    clicks.allow(page)
    expect_connected(page)
