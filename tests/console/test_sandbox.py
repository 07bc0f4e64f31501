"""Trying an element by one click, with the sandbox that stands in for its provider."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import User
from console.members import account_of
from events.models import Delivery, DeliveryStatus, Event
from inbox.addresses import inbox_url
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_CLIENT, DEFAULT_MAILBOX
from tests.all_due import poll_all_due
from tests.console.conftest import HERE

TRY = "/catalogue/gmail/sandbox"


@pytest.fixture
def served(settings: LazySettings, sandbox: SandboxServer) -> SandboxServer:
    """As `make up` has it: the sandbox is named, and its application is the platform's own."""
    settings.SANDBOXES = {"gmail": sandbox.url}
    settings.GMAIL_CLIENT_ID, settings.GMAIL_CLIENT_SECRET = DEFAULT_CLIENT
    return sandbox


def connected(browser: Client, served: SandboxServer) -> ElementInstance:
    """By the button on the card, and Allow at the sandbox."""
    sent = browser.post(TRY)
    assert sent.status_code == 302, sent.content
    back = browser.get(served.control.approve(sent["Location"]).removeprefix(HERE))
    found = ElementInstance.objects.get()
    assert back["Location"] == f"/instances/{found.pk}"
    return found


def first_event(browser: Client, instance: ElementInstance) -> str:
    """What the page of the instance says of it; empty where nothing is said."""
    page = browser.get(f"/instances/{instance.pk}/now", headers={"HX-Request": "true"})
    _, _, rest = page.content.decode().partition('id="first-event-title">')
    return rest.partition("</section>")[0]


def due(instance: ElementInstance) -> None:
    instance.polling_resources.update(next_poll_at=instance.created_at)


def test_the_catalogue_offers_it_where_there_is_a_sandbox(
    browser: Client, served: SandboxServer, settings: LazySettings
) -> None:
    page = browser.get("/catalogue").content.decode()
    assert page.count("Try it with the sandbox") == 1
    assert page.index("<h2>Gmail</h2>") < page.index("<h2>GitHub</h2>")
    settings.SANDBOXES = {}
    assert "sandbox" not in browser.get("/catalogue").content.decode()


@pytest.mark.django_db(transaction=True)
def test_one_click_connects_an_account_whose_events_arrive_in_the_inbox(
    browser: Client, served: SandboxServer, member: User
) -> None:
    instance = connected(browser, served)
    assert instance.name == "Gmail sandbox"
    assert instance.events_enabled
    assert instance.refresh_interval == 1
    stored = instance.configuration
    assert stored["event.notification.callback.url"] == inbox_url(account_of(member))
    assert instance.subscription.signature_key


@pytest.mark.django_db(transaction=True)
def test_the_page_says_how_far_the_first_event_has_come(
    browser: Client, served: SandboxServer, settings: LazySettings
) -> None:
    instance = connected(browser, served)
    poll_all_due()
    said = first_event(browser, instance)
    assert "Watching for changes" in said
    assert "Find the first change" in said
    assert "Deliver a mail in the sandbox" in said

    sent = browser.post(f"/instances/{instance.pk}/sandbox")
    assert sent["Location"] == f"/instances/{instance.pk}"
    due(instance)
    poll_all_due()
    assert Event.objects.filter(instance=instance).count() == 1
    said = first_event(browser, instance)
    assert "First change found" in said
    assert "It works" not in said

    Delivery.objects.update(status=DeliveryStatus.DELIVERED)
    assert "The first event was delivered" in first_event(browser, instance)
    settings.SANDBOXES = {}
    assert first_event(browser, instance) == ""


@pytest.mark.django_db(transaction=True)
def test_who_has_events_off_is_told_of_no_first_one(browser: Client, served: SandboxServer) -> None:
    instance = connected(browser, served)
    ElementInstance.objects.update(events_enabled=False)
    assert first_event(browser, instance) == ""


@pytest.mark.django_db(transaction=True)
def test_a_sandbox_that_is_down_is_a_sentence(browser: Client, served: SandboxServer) -> None:
    instance = connected(browser, served)
    served.stop()
    page = browser.post(f"/instances/{instance.pk}/sandbox", follow=True)
    assert "The sandbox does not answer" in page.content.decode()


@pytest.mark.django_db(transaction=True)
def test_an_account_that_is_not_known_is_a_sentence(browser: Client, served: SandboxServer) -> None:
    instance = connected(browser, served)
    instance.credential.delete()
    page = browser.post(f"/instances/{instance.pk}/sandbox", follow=True)
    assert page.status_code == 200
    assert "Whose account this is in the sandbox is not known" in page.content.decode()


def test_there_is_no_such_address_without_a_sandbox(
    browser: Client, served: SandboxServer, settings: LazySettings
) -> None:
    assert browser.post("/catalogue/github/sandbox").status_code == 404
    settings.SANDBOXES = {}
    assert browser.post(TRY).status_code == 404
    assert not ElementInstance.objects.exists()


def test_a_change_is_in_the_account_that_is_named(served: SandboxServer) -> None:
    before = served.control.state()["mailboxes"][0]["messages_total"]
    served.control.change(DEFAULT_MAILBOX)
    assert served.control.state()["mailboxes"][0]["messages_total"] == before + 1
