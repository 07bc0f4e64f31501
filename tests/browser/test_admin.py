"""The admin in a browser: its switches, and an errand.

Nothing on them may be against the Content-Security-Policy: `watched` notes what the console says.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.site import Site
from tests.browser.watch import Watch, watched

LIST = "/admin/instances/elementinstance/"
Opened = tuple[Page, Watch]


@pytest.fixture
def operator(browser: Browser, site: Site) -> Iterator[Opened]:
    page, watch = watched(browser, site, site.superuser)
    yield page, watch
    page.context.close()


def test_a_click_in_the_list_switches_events_and_a_resource(operator: Opened, site: Site) -> None:
    page, watch = operator
    member = site.new_member()
    instance = site.connect(member, "Switched mailbox")
    page.goto(f"{LIST}?q=switched+mail")

    events = page.get_by_role("switch", name="Events of Switched mailbox")
    expect(events).to_be_checked()
    events.press("Enter")  # the keyboard's click
    expect(page.get_by_text("Events off.")).to_be_visible()
    expect(events).not_to_be_checked()
    assert not member.call("GET", f"/instances/{instance}")["eventsEnabled"]
    events.click()
    expect(events).to_be_checked()
    assert page.url.endswith("?q=switched+mail")

    resource = page.get_by_role("switch", name="changed-messages of Switched mailbox")
    resource.click()
    expect(resource).not_to_be_checked()
    assert watch.faults == []


def test_what_is_done_to_all_is_done_by_the_worker(operator: Opened, site: Site) -> None:
    page, watch = operator
    member = site.new_member()
    instances = [site.connect(member, f"Of many {number}") for number in range(2)]
    page.goto(f"{LIST}?q=of+many")
    page.locator("#changelist-form input[name=action_toggle_all]").or_(
        page.locator("#action-toggle")
    ).first.check()
    page.get_by_label("Select action to run").select_option(label="Disable")
    # What the link "Select all" sets, which is there from a second page on.
    page.locator("input[name=select_across]").evaluate("one => { one.value = '1' }")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("Disable: 2 instances")).to_be_visible()
    expect(page.get_by_text("search: “of many”")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    page.get_by_role("link", name="Look at it.").first.click()
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    for instance in instances:
        assert member.call("GET", f"/instances/{instance}")["disabled"]
    assert watch.faults == []
