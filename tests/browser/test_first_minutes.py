"""From `make up` to the first event on the screen, as a new user comes to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX
from tests.browser.watch import PATIENCE
from tests.demo.started import Started, ports

pytestmark = pytest.mark.installation


@pytest.fixture
def up(tmp_path: Path, _chromium: None) -> Iterator[tuple[str, str, str]]:
    """The console's address, and the name and password that `make up` prints."""
    used = ports()
    started = Started("demo.up", tmp_path / "var", **used)
    try:
        started.wait_for("Try it with the sandbox")
        printed = re.search(r"Sign in +(\S+) +password (\S+)", started.printed)
        assert printed is not None
        yield f"http://127.0.0.1:{used['PORT']}/", printed[1], printed[2]
    finally:
        started.process.terminate()
        started.end()


def test_four_clicks_lead_to_an_event_that_arrived(
    browser: Browser, up: tuple[str, str, str]
) -> None:
    address, email, password = up
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Try it with the sandbox").click()
    expect(page.get_by_role("radio", name=DEFAULT_MAILBOX)).to_be_checked()
    page.get_by_role("button", name="Allow").click()
    page.get_by_role("button", name="Deliver a mail in the sandbox").click()
    expect(page.get_by_role("heading", name="It works")).to_be_visible()
    page.get_by_role("link", name="what arrived in your inbox").click()
    expect(
        page.get_by_role("region", name="Deliveries").get_by_text("Gmail sandbox")
    ).to_be_visible()
    page.close()
