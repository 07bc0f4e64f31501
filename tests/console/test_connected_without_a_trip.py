"""An element without a consent page, as one with an API key: connected by the form alone."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from accounts.provision import NewOrganization
from elements import register
from instances import configuration
from instances.models import ElementInstance, IdempotencyKey
from tests.elements.ledger import Provider, ledger, provider

FORM = "/catalogue/ledger/authenticate"
KEY = "configuration.api.key"


@pytest.fixture
def there(
    browser: Client, settings: LazySettings, organization: NewOrganization
) -> Iterator[Provider]:
    with provider() as it:
        register.create(organization.organization.pk, ledger(it.url))
        yield it


def test_the_key_is_all_it_takes(browser: Client, there: Provider) -> None:
    page = browser.get(FORM).content.decode()
    assert f'name="{KEY}"' in page
    assert "/oauth/callback" not in page
    # Nobody has said what of it is polled.
    assert '"event.notification.enabled": false' in html.unescape(page)
    done = browser.post(FORM, {"name": "Books", KEY: "a-key"}, follow=True)
    instance = ElementInstance.objects.get()
    assert done.redirect_chain == [(f"/instances/{instance.pk}", 302)]
    assert (instance.element_key, instance.events_enabled) == ("ledger", False)
    assert configuration.stored(instance)["api.key"] == "a-key"
    shown = done.content.decode()  # without what a consent page alone could do
    assert ">Reconnect<" not in shown
    assert "Make a link for its owner" not in shown


def test_a_form_that_is_sent_twice_connects_one_account(
    browser: Client, there: Provider, organization: NewOrganization
) -> None:
    page = browser.get(FORM).content.decode()
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found
    sent = {"once": found[1], "name": "Books", KEY: "a-key"}
    first = browser.post(FORM, sent)
    assert browser.post(FORM, sent)["Location"] == first["Location"]
    assert ElementInstance.objects.count() == 1
    # Another page of it, or another account: another one.
    assert browser.post(FORM, {**sent, "name": "Other books"})["Location"] != first["Location"]
    assert browser.post(FORM, {**sent, "once": "another"})["Location"] != first["Location"]
    # What was deleted meanwhile is wanted again.
    browser.post(f"{first['Location']}/delete")
    assert browser.post(FORM, sent)["Location"] != first["Location"]

    for row in IdempotencyKey.objects.all():
        row.answer, row.held_until = "", timezone.now() + timedelta(minutes=1)
        row.save()
    busy = browser.post(FORM, sent)
    assert busy.status_code == 400
    assert "An earlier click is creating it" in busy.content.decode()


def test_a_wrong_key_is_said_and_kept(browser: Client, there: Provider) -> None:
    answer = browser.post(FORM, {"name": "Books", KEY: "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Nothing was created." in page
    assert 'value="Books"' in page
    assert 'value="********"' in page
    assert not ElementInstance.objects.exists()


def test_another_key_is_given_where_no_consent_page_is(browser: Client, there: Provider) -> None:
    browser.post(FORM, {"name": "Books", KEY: "a-key"})
    instance = ElementInstance.objects.get()
    page = browser.get(f"/instances/{instance.pk}").content.decode()
    assert "Reconnect" not in page
    assert "Make a link" not in page

    edit = f"/instances/{instance.pk}/edit"
    assert "a-key" not in browser.get(edit).content.decode()
    sent = {"name": "Books", "tags": "Books", "interval": "15", "configuration.base.url": there.url}
    refused = browser.post(edit, {**sent, KEY: "wrong"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (400, [KEY])
    there.accepted = ("X-Api-Key", "another-key")
    done = browser.post(edit, {**sent, KEY: "another-key"})
    assert done.status_code == 302, done.context["form"].errors
    instance.refresh_from_db()
    assert configuration.stored(instance)["api.key"] == "another-key"


def test_an_element_that_no_longer_has_what_is_polled_can_still_be_edited(
    browser: Client, there: Provider, organization: NewOrganization
) -> None:
    polled = {"entries": {"url": "/hubs/finance/entries", "idField": "id"}}
    events = {"event.notification.enabled": True, "event.poller.configuration": polled}
    body = {"name": "Books", "configuration": {"api.key": "a-key", **events}}
    browser.post(FORM, {"body": json.dumps(body)})
    instance = ElementInstance.objects.get()
    less = ledger(there.url)
    less["resources"] = [one for one in less["resources"] if "/entries" not in one["path"]]
    less["resources"].append(
        {"path": "/hubs/finance/bills", "vendorPath": "/bills", "method": "GET"}
    )
    register.replace(organization.organization.pk, "ledger", {**less, "objects": []})

    edit = f"/instances/{instance.pk}/edit"
    page = browser.get(edit).content.decode()
    assert "poll-bills-on" in page
    assert "poll-entries-on" not in page
    sent = {"name": "Books", "tags": "Books", "interval": "15", "poll-bills-on": "on"}
    assert browser.post(edit, {**sent, "configuration.base.url": there.url}).status_code == 302
    instance.refresh_from_db()
    assert list(json.loads(instance.configuration["event.poller.configuration"])) == ["bills"]


def test_a_provider_that_is_away_is_said(browser: Client, organization: NewOrganization) -> None:
    register.create(organization.organization.pk, ledger("http://127.0.0.1:1"))
    answer = browser.post(FORM, {"name": "Books", KEY: "a-key"})
    assert answer.status_code == 400
    assert "was asked, and that failed" in answer.content.decode()
