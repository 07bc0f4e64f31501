"""The form of an element: fields and JSON beside it in step, by the server's own rules."""

from __future__ import annotations

import json
from typing import Any

from django.http import QueryDict
from playwright.sync_api import Page, expect

from console import forms
from console.controls import controls_of
from elements import catalogue
from tests.browser import axe, clicks
from tests.browser.conftest import Opened
from tests.browser.site import CLIENT_ID, CLIENT_SECRET, Member, Site

FORM = "/catalogue/gmail/authenticate"
# As a browser without scripts sends the form.
FIELDS = """
() => [...document.querySelectorAll("#authenticate [name]")]
  .filter((one) => !["checkbox", "radio"].includes(one.type) || one.checked)
  .map((one) => [one.name, one.value])
"""


def field(page: Page, key: str) -> Any:
    return page.locator(f'[name="configuration.{key}"]')


def written(page: Page) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(page.locator("#json").input_value())
    return body


def as_the_server_has_it(page: Page) -> dict[str, Any]:
    sent = QueryDict(mutable=True)
    for name, value in page.evaluate(FIELDS):
        sent.appendlist(name, value)
    element = catalogue.find("gmail")
    return forms.body_of(element, controls_of(element, ""), sent)


def test_fields_and_json_follow_each_other(signed_in: Page) -> None:
    page = signed_in
    page.goto(FORM)
    assert written(page) == as_the_server_has_it(page)
    page.get_by_text("Optional fields").click()
    page.get_by_text("More about events").click()
    page.get_by_label("Name").first.fill(' Post "Grüße" \U0001f4ec ')
    page.get_by_label("Tags").last.fill("sales, europe")
    page.keyboard.press("Enter")
    field(page, "oauth.api.key").fill(CLIENT_ID)
    field(page, "oauth.api.secret").fill(" a secret ")
    field(page, "filter.response.nulls").uncheck()
    page.get_by_label("Format of changed messages").select_option("full")
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("slider").press("ArrowRight")
    page.locator("[value=labels]").check()
    assert axe.faults(page) == []

    body = written(page)
    assert body == as_the_server_has_it(page)
    assert body["name"] == 'Post "Grüße" \U0001f4ec'
    assert body["tags"] == ["sales", "europe"]
    configuration = body["configuration"]
    assert configuration["oauth.api.secret"] == " a secret "
    assert configuration["event.notification.signature.key"].startswith("whsec_")
    assert configuration["event.poller.refresh_interval"] == 16
    assert field(page, "event.poller.refresh_interval").input_value() == "16"
    assert list(configuration["event.poller.configuration"]) == ["changed-messages", "labels"]

    configuration["event.poller.refresh_interval"] = "45"
    configuration["event.poller.configuration"] = {
        "drafts": {"url": "/hubs/general/drafts", "idField": "id", "pageSize": 7}
    }
    configuration["anything.else"] = "stays"
    page.locator("#json").fill(json.dumps({**body, "tags": ["a,b"]}))
    assert page.get_by_role("slider").input_value() == "45"
    expect(page.locator("[value=drafts]")).to_be_checked()
    expect(page.locator("[value=labels]")).not_to_be_checked()
    expect(page.get_by_role("button", name="Remove the tag a,b")).to_be_visible()
    page.get_by_label("Name").first.fill("Post")
    assert written(page)["configuration"]["anything.else"] == "stays"
    assert (
        written(page)["configuration"]["event.poller.configuration"]
        == (configuration["event.poller.configuration"])
    )
    curl = page.locator("#copy-curl").get_attribute("data-copy-text") or ""
    assert "User $PERIODIC_USER, Organization $PERIODIC_ORGANIZATION" in curl

    page.locator("#json").fill('{\n  "name": Post}')
    expect(page.get_by_role("alert").last).to_contain_text("line 2, column 11: there must be")
    page.get_by_role("button", name="Create Instance").click()
    expect(page.locator("#json")).to_be_focused()  # and is not sent
    page.locator("#json").fill('{"element": {"key": "github"}}')
    expect(page.get_by_role("alert").last).to_contain_text('element.key must be "gmail"')


def test_a_callback_is_tested_before_there_is_an_instance(signed_in: Page) -> None:
    page = signed_in
    page.goto(FORM)
    page.get_by_role("button", name="use the built-in inbox").click()
    url = field(page, "event.notification.callback.url").input_value()
    assert written(page)["configuration"]["event.notification.callback.url"] == url
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator("#tested")).to_contain_text("Answered 200")
    expect(page.get_by_role("heading", level=1)).to_have_text("Authenticate Gmail")
    assert axe.faults(page) == []


def test_a_resource_is_polled_by_the_copied_configuration_of_another(signed_in: Page) -> None:
    page = signed_in
    page.goto(FORM)
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Settings of changed-messages").click()
    dialog.get_by_label("Own interval (mins)").fill("5")
    assert axe.faults(page) == []
    dialog.get_by_label("Copy this resource's configuration").select_option("drafts")
    dialog.get_by_role("button", name="Copy to it").click()
    expect(dialog.get_by_role("heading")).to_have_text("Settings of drafts")
    dialog.get_by_text("Advanced filtering").click()
    dialog.get_by_label("Field").nth(1).fill("updated")
    dialog.get_by_label("Format").first.fill("milliseconds")
    dialog.get_by_text("Leave out what was not updated").click()
    dialog.get_by_label("Copy this resource's configuration").press("Enter")
    dialog.get_by_role("button", name="Done").click()

    assert written(page)["configuration"]["event.poller.configuration"] == {
        "changed-messages": {
            "url": "/hubs/general/changed-messages",
            "idField": "id",
            "refreshInterval": 5,
        },
        "drafts": {
            "url": "/hubs/general/drafts",
            "idField": "id",
            "refreshInterval": 5,
            "datesConfiguration": {
                "updatedDateField": "updated",
                "updatedDateFormat": "milliseconds",
            },
            "filterByUpdatedDate": False,
        },
    }


def test_an_account_is_connected_without_scripts(
    open_page: Opened, site: Site, member: Member
) -> None:
    page = open_page(member, java_script_enabled=False)
    page.goto(FORM)
    expect(page.locator("#json")).to_be_hidden()
    page.get_by_label("Name").first.fill("Plain")
    field(page, "oauth.api.key").fill(CLIENT_ID)
    field(page, "oauth.api.secret").fill(CLIENT_SECRET)
    field(page, "event.notification.callback.url").fill("http://10.0.0.1/")
    page.get_by_role("button", name="Create Instance").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was created.")
    field(page, "event.notification.callback.url").fill(f"{site.places.receiver}/events")
    page.get_by_role("button", name="Create Instance").click()
    clicks.allow(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Plain")
