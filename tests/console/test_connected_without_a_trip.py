"""An element without a consent page, as one with an API key: connected by the form alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.provision import NewOrganization
from elements import register
from instances import configuration
from instances.models import ElementInstance
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
    done = browser.post(FORM, {"name": "Books", KEY: "a-key"}, follow=True)
    instance = ElementInstance.objects.get()
    assert done.redirect_chain == [(f"/instances/{instance.pk}", 302)]
    assert (instance.element_key, instance.events_enabled) == ("ledger", False)
    assert configuration.stored(instance)["api.key"] == "a-key"
    shown = done.content.decode()  # without what a consent page alone could do
    assert ">Reconnect<" not in shown
    assert "Make a link for its owner" not in shown


def test_a_wrong_key_is_said_and_kept(browser: Client, there: Provider) -> None:
    answer = browser.post(FORM, {"name": "Books", KEY: "wrong"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Nothing was created." in page
    assert 'value="Books"' in page
    assert 'value="********"' in page
    assert not ElementInstance.objects.exists()


def test_a_provider_that_is_away_is_said(browser: Client, organization: NewOrganization) -> None:
    register.create(organization.organization.pk, ledger("http://127.0.0.1:1"))
    answer = browser.post(FORM, {"name": "Books", KEY: "a-key"})
    assert answer.status_code == 400
    assert "was asked, and that failed" in answer.content.decode()
