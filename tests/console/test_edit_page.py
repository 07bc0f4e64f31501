"""Editing an instance: what was changed is asked for, like PATCH, and nothing else."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events.models import Subscription
from events.signing_key import retired_of
from instances import configuration as keys
from instances import provision
from instances.models import ElementInstance
from polling.models import PollingResource

Travel = Callable[..., str]
RECEIVER = "http://127.0.0.1:9/events"


@pytest.fixture
def instance(browser: Client, travel: Travel) -> ElementInstance:
    browser.get(travel(events="on", callback_url=RECEIVER))
    return ElementInstance.objects.get()


def filled(browser: Client, instance: ElementInstance, **changes: Any) -> dict[str, Any]:
    """What a browser sends of the form when only `changes` are made; None leaves a box empty."""
    page = browser.get(f"/instances/{instance.pk}/edit").content.decode()
    sent: dict[str, Any] = {}
    for tag in re.findall(r"<input [^>]*>", page.split("Signature key")[0]):
        found = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if found.get("type") == "checkbox" and " checked" not in tag:
            continue
        if found.get("name"):
            blank = "on" if found["type"] == "checkbox" else ""
            sent[found["name"]] = found.get("value", blank)
    texts = re.findall(r'<textarea [^>]*?name="([^"]*)".*?>\n?(.*?)</textarea>', page, re.DOTALL)
    sent.update((name, html.unescape(text)) for name, text in texts)
    for name, choices in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', page, re.DOTALL):
        if chosen := re.search(r'value="([^"]*)" selected', choices):
            sent[name] = chosen[1]
    sent.update(changes)
    return {name: value for name, value in sent.items() if value is not None}


def post(browser: Client, instance: ElementInstance, **changes: Any) -> Any:
    sent = filled(browser, instance, **changes)
    answer = browser.post(f"/instances/{instance.pk}/edit", sent)
    instance.refresh_from_db()
    return answer


def test_an_unchanged_form_changes_nothing(browser: Client, instance: ElementInstance) -> None:
    before = (instance.updated_at, keys.stored(instance))
    assert post(browser, instance).status_code == 302
    assert (instance.updated_at, keys.stored(instance)) == before


def test_name_tags_callback_and_interval(browser: Client, instance: ElementInstance) -> None:
    post(
        browser,
        instance,
        name="Sales <b>EU</b>",
        tags=" eu, sales ,, eu",
        callback_url=f"{RECEIVER}/new",
        interval="30",
    )
    assert instance.name == "Sales EU"
    assert instance.tags == ["eu", "sales"]
    assert instance.refresh_interval == 30
    assert Subscription.objects.get().url == f"{RECEIVER}/new"
    assert PollingResource.objects.get().interval == 1800


def test_the_account_and_how_events_are_sent(browser: Client, instance: ElementInstance) -> None:
    page = browser.get(f"/instances/{instance.pk}/edit").content.decode()
    assert "sandbox-secret" not in page
    headers = "configuration.event.notification.callback.headers"
    changes = {
        "configuration.oauth.api.secret": " another secret ",
        "configuration.oauth.scope": "https://www.googleapis.com/auth/gmail.readonly",
        "configuration.event.notification.ordered": "on",
        headers: "X-Api-Key: own-key-7\r\nX-Room: 7",
    }
    assert post(browser, instance, **changes).status_code == 302
    stored = keys.stored(instance)
    assert stored["oauth.api.key"] == "sandbox-client"
    assert stored["oauth.api.secret"] == " another secret "
    assert stored["oauth.scope"].endswith("gmail.readonly")
    assert Subscription.objects.get().ordered
    assert Subscription.objects.get().headers == '[["X-Api-Key", "own-key-7"], ["X-Room", "7"]]'
    assert "own-key-7" not in browser.get(f"/instances/{instance.pk}/edit").content.decode()
    # What is secret stays where nothing is typed.
    assert post(browser, instance, name="Sales").status_code == 302
    assert keys.stored(instance) == stored


def test_what_somebody_else_changed_meanwhile_stands(
    browser: Client, instance: ElementInstance
) -> None:
    sent = filled(browser, instance, name="Sales")
    wish = provision.Wish(configuration={keys.REFRESH_INTERVAL: "45"})
    provision.change(instance.organization, instance.pk, wish)
    # The form shows what was true when it was opened: 5 minutes.
    assert sent["interval"] == "5"
    browser.post(f"/instances/{instance.pk}/edit", {**sent, "interval": "45"})
    instance.refresh_from_db()
    assert (instance.name, instance.refresh_interval) == ("Sales", 45)


def test_resources_are_switched_and_given_intervals(
    browser: Client, instance: ElementInstance
) -> None:
    on, minutes = "poll-labels-on", "poll-labels-minutes"
    assert post(browser, instance, **{on: "on", minutes: "60"}).status_code == 302
    rows = {row.name: row for row in PollingResource.objects.all()}
    assert set(rows) == {"changed-messages", "labels"}
    assert rows["labels"].interval == 3600
    assert rows["labels"].active

    assert post(browser, instance, **{on: None}).status_code == 302
    row = PollingResource.objects.get(name="labels")
    assert (row.active, row.cursor) == (False, rows["labels"].cursor)
    assert post(browser, instance, **{on: "on", minutes: ""}).status_code == 302
    row = PollingResource.objects.get(name="labels")
    assert (row.active, row.interval) == (True, 300)


def test_entries_keep_what_the_form_does_not_show(
    browser: Client, instance: ElementInstance
) -> None:
    entry = {
        "url": "/hubs/general/labels?pageSize=7",
        "idField": "id",
        "pollDelay": 7,
        "own": "kept",
    }
    wish = provision.Wish(configuration={keys.POLLER_CONFIGURATION: json.dumps({"/labels": entry})})
    provision.change(instance.organization, instance.pk, wish)
    post(browser, instance, **{"poll-labels-minutes": "10"})
    stored = json.loads(instance.configuration[keys.POLLER_CONFIGURATION])
    assert stored == {"/labels": {**entry, "enabled": True, "refreshInterval": "10"}}


def test_an_entry_under_a_name_of_ones_own_is_edited_and_kept(
    browser: Client, instance: ElementInstance
) -> None:
    entry = {"url": "/hubs/general/labels?where=type='user'", "idField": "id"}
    written = json.dumps({"my labels": entry, "labels": {**entry, "url": "/labels"}})
    wish = provision.Wish(configuration={keys.POLLER_CONFIGURATION: written})
    provision.change(instance.organization, instance.pk, wish)
    assert post(browser, instance, **{"poll-my labels-minutes": "10"}).status_code == 302
    rows = {row.name: row.interval for row in PollingResource.objects.filter(active=True)}
    assert rows == {"labels": 300, "my labels": 600}


def test_the_settings_of_a_resource_are_changed_as_json(
    browser: Client, instance: ElementInstance
) -> None:
    entry = {"url": "/hubs/general/labels?pageSize=7", "idField": "id", "pollDelay": 7}
    name = "poll-labels-entry"
    assert (
        post(browser, instance, **{"poll-labels-on": "on", name: json.dumps(entry)}).status_code
        == 302
    )
    page = browser.get(f"/instances/{instance.pk}/edit").content.decode()
    assert html.escape(json.dumps(entry, indent=2)) in page

    def stored() -> Any:
        return json.loads(instance.configuration[keys.POLLER_CONFIGURATION])["labels"]

    assert stored() == {**entry, "enabled": True}
    refused = post(browser, instance, **{name: '{"url": "/hubs/general/nothing", "idField": "id"}'})
    assert (refused.status_code, list(refused.context["form"].errors)) == (400, [name])
    assert stored() == {**entry, "enabled": True}
    assert post(browser, instance, **{name: ""}).status_code == 302
    assert stored()["url"] == "/hubs/general/labels"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"interval": "0"}, "interval"),
        ({"callback_url": "ftp://example.com"}, "callback_url"),
        ({"name": "<br>"}, "name"),
        ({"tags": "x" * 300}, "tags"),
        (
            {"configuration.event.notification.callback.headers": "x"},
            "configuration.event.notification.callback.headers",
        ),
        ({"poll-labels-on": "on", "poll-labels-minutes": "0"}, "poll-labels-minutes"),
    ],
)
def test_a_fault_is_shown_at_its_field_with_all_that_was_typed(
    browser: Client, instance: ElementInstance, changes: dict[str, str], field: str
) -> None:
    answer = post(browser, instance, **{"name": "Typed", **changes})
    assert answer.status_code == 400
    form = answer.context["form"]
    assert list(form.errors) == [field]
    page = answer.content.decode()
    assert f'id="id_{field}"' in page
    assert "errorlist" in page
    assert instance.name == "Mailbox"
    if "name" not in changes:
        assert 'value="Typed"' in page


def test_a_new_signature_key_is_shown_once_and_the_old_one_signs_on(
    browser: Client, instance: ElementInstance
) -> None:
    path = f"/instances/{instance.pk}/signature-key"
    page = browser.post(path, {"signature_key": "", "overlap": "3600"}).content.decode()
    subscription = Subscription.objects.get()
    assert subscription.signature_key.startswith("whsec_")
    assert subscription.signature_key in page.replace("&#x2B;", "+")
    assert [one.key for one in retired_of(subscription)] == ["my signature key"]
    assert "An old key signs beside it until" in page
    edit = browser.get(f"/instances/{instance.pk}/edit").content.decode()
    assert subscription.signature_key not in edit
    assert "End the old key now" in edit
    browser.post(f"{path}/end-old")
    assert retired_of(Subscription.objects.get()) == []
    browser.post(path, {"signature_key": "a key of my own", "overlap": "0"})
    subscription = Subscription.objects.get()
    assert subscription.signature_key == "a key of my own"
    assert [one for one in retired_of(subscription) if one.until > timezone.now()] == []


def test_a_signature_key_that_is_too_long_is_refused(
    browser: Client, instance: ElementInstance
) -> None:
    path = f"/instances/{instance.pk}/signature-key"
    answer = browser.post(path, {"signature_key": "k" * 501}, follow=True)
    assert "at most 500 characters" in answer.content.decode()
    assert Subscription.objects.get().signature_key == "my signature key"
