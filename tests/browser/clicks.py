"""What several tests click through: the one place to change when a page of the way does."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX
from tests.browser.site import CLIENT_ID, CLIENT_SECRET, Member


def sign_in(page: Page, member: Member) -> None:
    page.goto("/")
    sign_in_here(page, member)


def sign_in_here(page: Page, member: Member) -> None:
    """On the page that asks for it, wherever it leads."""
    page.get_by_label("E-mail address").fill(member.email)
    page.get_by_label("Password").fill(member.password)
    page.get_by_role("button", name="Sign in").click()


def fill_in(page: Page, name: str, receiver: str, *, secret: str = CLIENT_SECRET) -> None:
    """From the catalogue to the form for a Gmail account, filled in: events on and sent to the
    receiver."""
    page.get_by_role("link", name="Authenticate Gmail").click()
    page.get_by_label(re.compile("^Name")).fill(name)
    page.get_by_label("API key").fill(CLIENT_ID)
    page.get_by_label("API secret").fill(secret)
    page.get_by_role("textbox", name="Callback URL", exact=True).fill(f"{receiver}/events")
    page.get_by_label("Signature key").fill("a signature key")


def go_on(page: Page) -> None:
    """From the form to the provider's consent page."""
    page.get_by_role("button", name="Create Instance").click()


def allow(page: Page, mailbox: str = DEFAULT_MAILBOX) -> None:
    """At the provider, and back."""
    page.get_by_role("radio", name=mailbox).check()
    page.get_by_role("button", name="Allow").click()
