"""The inbox, as somebody has it open while things happen."""

from __future__ import annotations

import requests
from playwright.sync_api import Page, expect

from tests.browser.site import Member, Site


def test_what_arrives_is_there_without_loading_the_page_anew(
    signed_in: Page, site: Site, member: Member
) -> None:
    signed_in.goto("/inbox")
    expect(signed_in.get_by_text("Nothing has arrived yet.")).to_be_visible()
    url = signed_in.get_by_role("textbox").input_value()
    instance = site.connect(member, "Sales", **{"event.notification.callback.url": url})
    member.call("POST", f"/instances/{instance}/events/test")
    expect(signed_in.get_by_role("cell", name="delivery.test")).to_be_visible()

    answer = requests.post(url, json={"message": {"instanceId": instance}}, timeout=30)
    assert answer.status_code == 200
    expect(signed_in.get_by_role("cell", name="does not verify")).to_be_visible()

    signed_in.get_by_role("link", name="1", exact=True).click()
    verdicts = signed_in.get_by_role("region", name="Signature")
    expect(verdicts.get_by_text("verifies", exact=True)).to_have_count(2)
