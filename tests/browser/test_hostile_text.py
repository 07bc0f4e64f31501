"""What a mail says stays text, wherever it is shown."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.sample import HOSTILE
from tests.browser.site import Member, Site


def test_a_subject_that_is_a_script_is_read_and_not_run(
    signed_in: Page, site: Site, member: Member
) -> None:
    inbox = site.inbox(member)
    callback = {"event.notification.callback.url": inbox}
    instance = site.connect(member, mailbox="hostile@example.com", **callback)
    site.control.deliver("hostile@example.com", subject=HOSTILE, sender=f"{HOSTILE}@x.y")
    member.call("POST", f"/instances/{instance}/polls")
    [event] = member.call("GET", f"/instances/{instance}/events")

    page = signed_in
    for address in (f"/events/{event['id']}", "/inbox"):
        page.goto(address)
        if address == "/inbox":
            page.get_by_role("row").get_by_role("link").first.click()
        for folded in page.locator("summary").all():
            folded.click()
        expect(page.get_by_text(re.compile("alert\\(1\\)")).first).to_be_visible()
        expect(page).not_to_have_title("hostile")
        expect(page.locator("img[src=x]")).to_have_count(0)
