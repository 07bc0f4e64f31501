"""Who sees which page, and what the buttons on it do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone
from django.views.defaults import server_error

from accounts.models import User
from accounts.provision import NewOrganization, create_organization
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from polling.models import PollingResource
from polling.poll_now import poll_now

Travel = Callable[..., str]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/", "/catalogue", "/catalogue/gmail/authenticate", "/instances/1", "/oauth/callback?state=x"],
)
def test_nothing_without_signing_in(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in?next=")


def test_sign_in_and_out(db: None) -> None:
    create_organization("Example", "somebody@example.com", "a passphrase of words")
    browser = Client(enforce_csrf_checks=True)
    browser.get("/sign-in")
    token = browser.cookies["csrftoken"].value
    form = {"username": "Somebody@Example.com", "csrfmiddlewaretoken": token}

    refused = browser.post("/sign-in", {**form, "password": "wrong"})
    accepted = browser.post("/sign-in", {**form, "password": "a passphrase of words"})

    assert refused.status_code == 200
    assert "Please enter a correct" in refused.content.decode()
    assert accepted["Location"] == "/"
    assert browser.get("/")["Location"] == "/catalogue"  # the first thing to do
    assert "No account is connected yet." in browser.get("/instances").content.decode()
    token = browser.cookies["csrftoken"].value
    assert browser.post("/sign-out", {"csrfmiddlewaretoken": token}).status_code == 302
    assert browser.get("/").status_code == 302


def test_forms_from_elsewhere_are_refused(member: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(member)
    assert browser.post("/catalogue/gmail/authenticate", {}).status_code == 403


def test_a_user_of_no_organization(db: None) -> None:
    browser = Client()
    browser.force_login(User.objects.create(username="admin@example.com"))
    assert browser.get("/").status_code == 403


def test_a_request_that_no_browser_sends_is_answered_by_a_page(db: None) -> None:
    answer = Client().get("/sign-in", headers={"host": "elsewhere.example.com"})
    assert answer.status_code == 400
    assert "The request could not be read." in answer.content.decode()


def test_the_page_of_a_failure_asks_nothing_that_may_have_failed() -> None:
    """No database, no session, no user: it is shown when one of them is why."""
    answer = server_error(RequestFactory().get("/"))
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "It is not your fault" in page
    assert 'name="viewport"' in page
    assert "console.css" in page


def test_events_are_switched(browser: Client, travel: Travel) -> None:
    browser.get(travel())
    instance = ElementInstance.objects.get()
    for events in (False, True):
        browser.post(f"/instances/{instance.pk}/events", {"events": "on" if events else "off"})
        instance.refresh_from_db()
        assert instance.events_enabled is events


def test_an_account_is_disconnected(browser: Client, travel: Travel) -> None:
    browser.get(travel())
    page = f"/instances/{ElementInstance.objects.get().pk}/delete"
    assert "Its token is dead at once" in browser.get(page).content.decode()
    assert ElementInstance.objects.exists()
    answer = browser.post(page, follow=True)
    assert "Mailbox is deleted" in answer.content.decode()
    assert not ElementInstance.objects.exists()


def test_others_accounts_are_not_there(browser: Client, travel: Travel, stranger: User) -> None:
    browser.get(travel())
    instance = ElementInstance.objects.get()
    other = Client()
    other.force_login(stranger)
    assert other.get(f"/instances/{instance.pk}").status_code == 404
    for action in ("events", "delete"):
        assert other.post(f"/instances/{instance.pk}/{action}").status_code == 404
    assert other.post("/connect/again", {"instance": instance.pk}).status_code == 404
    assert "Mailbox" not in other.get("/instances").content.decode()
    assert ElementInstance.objects.get().events_enabled


def test_what_polls_came_to_is_shown(
    browser: Client, travel: Travel, sandbox: SandboxServer
) -> None:
    browser.get(travel(events="on"))
    instance = ElementInstance.objects.get()
    poll_now(instance)  # the first, which finds nothing
    poisoned = sandbox.control.deliver()["id"]
    sandbox.control.poison(poisoned)
    poll_now(instance)
    sandbox.control.expire_history()
    poll_now(instance)
    shown = browser.get(f"/instances/{instance.pk}").content.decode()
    assert poisoned in shown
    assert "Put aside" in shown
    assert "0 of 1" in shown  # read
    assert "was listed anew" in shown
    assert "tried again" in shown


def test_the_units_of_the_providers_quota_are_shown(browser: Client, travel: Travel) -> None:
    browser.get(travel(events="on"))
    instance = ElementInstance.objects.get()
    poll_now(instance)
    later = timezone.now() + timedelta(minutes=1)
    PollingResource.objects.update(units_today=42, units_awaited_until=later)
    shown = browser.get(f"/instances/{instance.pk}").content.decode()
    assert "42 units: 42 for polls, 0 for calls" in shown
    assert "changed-messages waits for units until" in shown


def test_names_are_shown_as_text(browser: Client, travel: Travel) -> None:
    browser.get(travel(name='a < b & "c"'))
    assert "a &lt; b &amp; &quot;c&quot;" in browser.get("/instances").content.decode()


def test_admin_switches_events_and_shows_no_secret(
    browser: Client, travel: Travel, organization: NewOrganization, stranger: User
) -> None:
    browser.get(travel())
    instance = ElementInstance.objects.get()
    stranger.is_staff = stranger.is_superuser = True
    stranger.save()
    admin = Client()
    admin.force_login(stranger)
    listed = "/admin/instances/elementinstance/"

    page = admin.get(f"{listed}{instance.pk}/change/").content.decode()
    assert instance.token not in page
    assert "sandbox-secret" not in page
    action = {"action": "events_off", "_selected_action": [instance.pk]}
    assert admin.post(listed, action).status_code == 302
    instance.refresh_from_db()
    assert not instance.events_enabled
    assert instance.configuration["event.notification.enabled"] == "false"

    action["action"] = "events_on"
    assert admin.post(listed, action).status_code == 302
    instance.refresh_from_db()
    assert instance.events_enabled

    gone = admin.post(f"{listed}{instance.pk}/delete/", {"post": "yes"})
    assert gone.status_code == 302
    assert not ElementInstance.objects.exists()
