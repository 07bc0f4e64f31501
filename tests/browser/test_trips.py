"""What can go wrong at the provider: each is said, with what to do, and nothing typed is lost."""

from __future__ import annotations

import re

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe, clicks
from tests.browser.site import CLIENT_ID, Site

MAIL_SCOPE = "https://mail.google.com/"


@pytest.fixture
def at_the_provider(signed_in: Page, site: Site) -> Page:
    """On the consent page, with the form filled in before."""
    signed_in.goto("/catalogue")
    clicks.fill_in(signed_in, "My mailbox", site.places.receiver)
    clicks.go_on(signed_in)
    expect(signed_in.get_by_role("button", name="Deny")).to_be_visible()
    return signed_in


def expect_connected(page: Page, name: str = "My mailbox") -> None:
    expect(page.get_by_text("The account is connected.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_after_a_refusal_the_details_are_still_there(at_the_provider: Page) -> None:
    page = at_the_provider
    page.get_by_role("button", name="Deny").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("The access was refused")
    expect(page.get_by_text("Try again, choose the account")).to_be_visible()
    assert axe.faults(page) == []

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
    expect(page.get_by_role("heading", level=1)).to_have_text("That took too long")
    assert axe.faults(page) == []
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
    expect(page.get_by_role("heading", level=1)).to_contain_text("did not accept the API key")
    assert axe.faults(page) == []
    page.get_by_role("link", name="Change the details").click()
    page.get_by_label("API secret").fill("sandbox-secret")
    clicks.go_on(page)
    clicks.allow(page)
    expect_connected(page)
