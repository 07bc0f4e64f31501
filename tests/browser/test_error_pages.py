"""Pages that say no, apart from those of a way to a provider: each is come to, and left, by clicks.

Two cannot be come to so: the page of an error of our own (500), and that of a request that no
browser sends (400). tests/console has them.
"""

from __future__ import annotations

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe, clicks
from tests.browser.conftest import Opened
from tests.browser.site import Member, Site

GUESSES = 5  # SIGN_IN_FAILURES
OWNED = "owned@example.com"


def expect_page(page: Page, heading: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert axe.faults(page) == []


@pytest.fixture
def link(site: Site, member: Member) -> str:
    """By which the owner of a mailbox connects it again."""
    instance = site.connect(member, "Owned mailbox", mailbox=OWNED)
    return str(member.call("POST", f"/instances/{instance}/reconnect-link")["url"])


def begin(page: Page) -> None:
    page.get_by_role("button", name="Continue to Gmail").click()


def test_a_link_connects_its_own_account_once(page: Page, link: str) -> None:
    page.goto(link)
    begin(page)
    page.get_by_role("button", name="Deny").click()
    expect_page(page, "The account was not connected")
    expect(page.get_by_text("The access was refused")).to_be_visible()

    page.get_by_role("link", name="Open the link again").click()
    begin(page)
    clicks.allow(page)
    expect_page(page, "The account was not connected")
    expect(page.get_by_text("Another account was chosen")).to_be_visible()

    page.get_by_role("link", name="Open the link again").click()
    begin(page)
    clicks.allow(page, OWNED)
    expect_page(page, "Owned mailbox is connected again")

    page.goto(link)
    expect_page(page, "This link has done its work")


def test_links_that_lead_nowhere(page: Page, site: Site, link: str) -> None:
    page.goto(link[:-1])
    expect_page(page, "The account was not connected")
    expect(page.get_by_text("was cut on its way")).to_be_visible()

    page.goto(link)
    with psycopg.connect(site.places.more["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE instances_reconnectlink SET expires_at = now()"
            " WHERE id = (SELECT max(id) FROM instances_reconnectlink)"
        )
    begin(page)
    expect_page(page, "The account was not connected")
    expect(page.get_by_text("This link has expired.")).to_be_visible()


def test_a_password_that_is_guessed_at(page: Page, member: Member) -> None:
    page.goto("/sign-in")
    for _ in range(GUESSES):
        page.get_by_label("E-mail address").fill(member.email)
        page.get_by_label("Password").fill("a guess")
        page.get_by_role("button", name="Sign in").click()
    expect_page(page, "Try again later")
    page.get_by_role("link", name="Choose a new password").click()
    expect_page(page, "Forgotten password")


def test_a_link_for_a_new_password_that_is_spent(page: Page, member: Member) -> None:
    page.goto(f"/password/{member.reset_name}/{member.reset_token[:-1]}")
    expect_page(page, "This link is not good any more")
    page.get_by_role("link", name="Ask for another one").click()
    expect_page(page, "Forgotten password")


def test_a_page_that_is_not_there(signed_in: Page) -> None:
    signed_in.goto("/instances/1000000000")
    expect_page(signed_in, "Nothing here")
    signed_in.get_by_role("link", name="To the console").click()
    expect_page(signed_in, "Elements")


def test_a_form_that_was_open_while_somebody_signed_out(page: Page, member: Member) -> None:
    page.goto("/sign-in")
    page.context.clear_cookies()
    clicks.sign_in_here(page, member)
    expect_page(page, "Not allowed")
    page.get_by_role("link", name="To the console").click()
    clicks.sign_in_here(page, member)
    expect_page(page, "Elements")


def test_somebody_of_no_organization(open_page: Opened, site: Site) -> None:
    member = site.new_member()
    with psycopg.connect(site.places.more["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE accounts_user SET organization_id = NULL, account_id = NULL"
            " WHERE username = %s",
            [member.email],
        )
    page = open_page(member)
    page.goto("/")
    expect_page(page, "You belong to no organization")
    page.get_by_role("button", name="Sign out").click()
    expect_page(page, "Sign in")
