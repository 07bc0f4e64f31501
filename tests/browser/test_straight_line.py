"""From sign-in to a received event, by clicks alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import clicks
from tests.browser.site import Member, Site


def test_a_mailbox_is_connected_and_its_event_is_seen(
    page: Page, site: Site, member: Member
) -> None:
    clicks.sign_in(page, member)
    clicks.fill_in(page, "My mailbox", site.places.receiver)
    clicks.go_on(page)
    clicks.allow(page)

    expect(page.get_by_role("heading", level=1)).to_have_text("My mailbox")
    expect(page.get_by_text("The account is connected.")).to_be_visible()
    mail = site.control.deliver(subject="A new mail")
    page.get_by_role("button", name="Poll now").click()
    expect(page.get_by_text("1 created, 0 updated, 0 deleted")).to_be_visible()
    expect(page.get_by_role("button", name="Poll now")).to_be_focused()
    # Without loading the page anew.
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_text("delivered")).to_be_visible()
    page.get_by_role("button", name="Reveal the token").click()
    expect(page.locator("#token-text")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the token")).to_be_focused()
    page.evaluate("scrollTo(0, 1e6)")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copied.")).to_be_in_viewport()
    page.get_by_label("Events are on").uncheck()
    expect(page.get_by_label("Events are off")).not_to_be_checked()
    page.get_by_label("Events are off").check()
    expect(page.get_by_label("Events are on")).to_be_checked()
    # The page goes on to renew itself.
    site.control.deliver(subject="Another mail")
    page.get_by_role("button", name="Poll now").click()
    expect(timeline.get_by_text("delivered")).to_have_count(2)
    page.get_by_role("link", name="Week").click()
    expect(page.get_by_role("img", name="Events of the last week: 2")).to_be_visible()
    timeline.get_by_role("listitem").get_by_role("link").last.click()

    expect(page.get_by_role("heading", name=mail["id"])).to_be_visible()
    page.get_by_text("The body of the notification").click()
    told = page.get_by_role("region", name="The body of the notification")
    expect(told).to_contain_text('"A new mail"')
