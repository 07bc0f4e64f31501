"""Connecting an account from a page: form, consent, back again, and what can go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from instances import configuration, oauth
from instances.models import Credential, CredentialState, ElementInstance, OAuthState
from integrations.gmail.sandbox.server import SandboxServer

Travel = Callable[..., str]
Form = Callable[..., dict[str, Any]]
GITHUB = {
    "poll": ["issues"],
    "entry:issues": '{"url": "/hubs/collaboration/issues", "idField": "number"}',
}
ADDRESS = "/catalogue/gmail/authenticate"


def test_the_whole_trip(browser: Client, travel: Travel) -> None:
    done = browser.get(travel(), follow=True)

    instance = ElementInstance.objects.get()
    assert done.redirect_chain == [(f"/instances/{instance.pk}", 302)]
    page = done.content.decode()
    assert "The account is connected." in page
    assert "sandbox-secret" not in page
    assert instance.token not in page
    assert instance.events_enabled
    assert instance.refresh_interval == 5
    stored = configuration.stored(instance)
    assert stored["event.notification.signature.key"] == "my signature key"
    assert "Mailbox" in browser.get("/instances").content.decode()


def test_the_consent_page_is_asked_with_pkce_and_state(browser: Client, form: Form) -> None:
    url = browser.post(ADDRESS, form())["Location"]
    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == ["http://127.0.0.1:8000/oauth/callback"]
    assert len(query["state"][0]) > 40
    assert "sandbox-secret" not in url


def failed(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 400
    assert not ElementInstance.objects.exists()
    return answer.content.decode()


def test_consent_refused(browser: Client, travel: Travel) -> None:
    assert "access was refused" in failed(browser, travel({"deny": True}))


def test_state_unknown(browser: Client) -> None:
    for state in ("", "invented", "a:b:c", "x" * 10_000):
        assert "state is unknown" in failed(browser, f"/oauth/callback?code=c&state={state}")


def test_state_used_twice(browser: Client, travel: Travel) -> None:
    path = travel()
    browser.get(path)
    ElementInstance.objects.all().delete()
    assert "used already" in failed(browser, path)


def test_state_expired(browser: Client, travel: Travel) -> None:
    path = travel()
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert "state has expired" in failed(browser, path)


def test_state_of_another_session(
    browser: Client, travel: Travel, member: User, stranger: User
) -> None:
    path = travel()
    for user in (member, stranger):
        other = Client()
        other.force_login(user)
        assert "another session" in failed(other, path)
    assert browser.get(path).status_code == 302  # it is still good where it began


def test_no_code(browser: Client, travel: Travel) -> None:
    state = parse_qs(urlsplit(travel()).query)["state"][0]
    page = failed(browser, f"/oauth/callback?state={state}")
    assert "sent no code" in page


def test_wrong_secret_then_another_try(
    browser: Client, travel: Travel, form: Form, sandbox: SandboxServer
) -> None:
    page = failed(browser, travel(api_secret="wrong-secret"))
    assert "invalid_client" in page
    assert "wrong-secret" not in page
    trip = OAuthState.objects.get()

    # What was filled in is still there, its secrets as masks.
    address = f"/catalogue/gmail/authenticate?again={trip.pk}"
    filled = browser.get(address).content.decode()
    assert "sandbox-client" in filled
    assert filled.count('value="********"') == 2
    assert "wrong-secret" not in filled
    assert "my signature key" not in filled
    sent = browser.post(ADDRESS, form(again=trip.pk, signature_key="********"))
    location = sandbox.control.approve(sent["Location"])
    assert browser.get(location.removeprefix("http://127.0.0.1:8000")).status_code == 302
    stored = configuration.stored(ElementInstance.objects.get())
    assert stored["oauth.api.secret"] == "sandbox-secret"
    assert stored["event.notification.signature.key"] == "my signature key"


def test_another_try_after_a_refusal(
    browser: Client, travel: Travel, sandbox: SandboxServer
) -> None:
    failed(browser, travel({"deny": True}))
    sent = browser.post("/connect/again", {"again": OAuthState.objects.get().pk})
    location = sandbox.control.approve(sent["Location"])
    assert browser.get(location.removeprefix("http://127.0.0.1:8000")).status_code == 302
    assert ElementInstance.objects.get().name == "Mailbox"


def test_a_try_of_somebody_else_is_not_taken_up(
    browser: Client, travel: Travel, stranger: User
) -> None:
    failed(browser, travel({"deny": True}))
    trip = OAuthState.objects.get().pk
    other = Client()
    other.force_login(stranger)
    assert other.post("/connect/again", {"again": trip})["Location"] == "/catalogue"
    assert "sandbox-client" not in other.get(f"{ADDRESS}?again={trip}").content.decode()


@pytest.mark.parametrize(
    ("element", "changes", "field", "said"),
    [
        ("gmail", {"name": ""}, "name", "is missing"),
        ("gmail", {"name": "<b></b>"}, "name", "nothing is left of it"),
        ("gmail", {"tags": "x" * 2_001}, "tags", "2000 are allowed"),
        ("gmail", {"api_secret": ""}, "configuration-oauth-api-secret", "is missing"),
        (
            "gmail",
            {"callback_url": "http://10.0.0.1/"},
            "configuration-event-notification-callback-url",
            "event.notification.callback.url",
        ),
        (
            "gmail",
            {"interval": "0"},
            "configuration-event-poller-refresh-interval",
            "whole number of minutes",
        ),
        ("gmail", {"poll": []}, "configuration-event-poller-configuration", "names no resource"),
        (
            "gmail",
            {"entry:changed-messages": '{"url": "/nothing", "idField": "id"}'},
            "entry-changed-messages",
            "must be a hub path",
        ),
        ("gmail", {"entry:changed-messages": "{"}, "entry-changed-messages", "must be an object"),
        (
            "github",
            {"configuration.github.repository": "hello", **GITHUB},
            "configuration-github-repository",
            "the owner and the name of a repo",
        ),
    ],
)
def test_the_form_says_what_is_wrong_and_where(
    browser: Client, form: Form, element: str, changes: dict[str, Any], field: str, said: str
) -> None:
    answer = browser.post(f"/catalogue/{element}/authenticate", form(**changes))
    assert answer.status_code == 400
    page = answer.content.decode()
    assert said in page
    assert f'<a href="#in-{field}">' in page
    assert f'id="in-{field}"' in page
    assert "sandbox-secret" not in page
    assert not OAuthState.objects.filter(used_at=None).exists()


def test_what_was_typed_is_still_there_after_a_fault(browser: Client, form: Form) -> None:
    hostile = '"><script>alert(1)</script> Grüße 📬 ' + "x" * 100
    answer = browser.post(ADDRESS, form(name=hostile, tags="one\r\ntwo, three", interval="0"))
    page = answer.content.decode()
    assert "<script>alert" not in page
    assert escape(hostile) in page
    assert "one\ntwo, three</textarea>" in page
    [trip] = re.findall(r'name="again" value="(\d+)"', page)

    # The secrets stay here, and are taken up where their masks come back.
    sent = browser.post(ADDRESS, form(again=trip, api_secret="********", signature_key="********"))
    assert sent.status_code == 302
    body = oauth.Request.from_text(OAuthState.objects.latest("pk").request).body
    assert body["configuration"]["oauth.api.secret"] == "sandbox-secret"
    assert body["configuration"]["event.notification.signature.key"] == "my signature key"


@pytest.mark.parametrize("text", ["\0", "a\0b"])
def test_what_no_json_may_hold_is_refused(browser: Client, form: Form, text: str) -> None:
    answer = browser.post(ADDRESS, form(name=text))
    assert answer.status_code == 400
    assert "NUL" in answer.content.decode()


@pytest.mark.parametrize(
    "more",
    [
        r'"name": "half \ud83d and \u0000"',
        '"more": 1e999',
        f'"more": {"9" * 101}',
        f'"more": {"[" * 60}{"]" * 60}',
    ],
)
def test_what_was_typed_outlives_json_that_is_refused(browser: Client, more: str) -> None:
    keys = '"oauth.api.key": "my-client", "oauth.api.secret": "my secret"'
    answer = browser.post(ADDRESS, {"body": f'{{"configuration": {{{keys}}}, {more}}}'})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'value="my-client"' in page
    assert "my secret" not in page
    [trip] = re.findall(r'name="again" value="(\d+)"', page)
    kept = oauth.Request.from_text(OAuthState.objects.get(pk=trip).request).body
    assert kept["configuration"]["oauth.api.secret"] == "my secret"


def test_connecting_a_lost_account_again(
    browser: Client, travel: Travel, sandbox: SandboxServer
) -> None:
    browser.get(travel())
    lost = ElementInstance.objects.get()
    Credential.objects.update(state=CredentialState.LOST)
    ElementInstance.objects.update(valid=False, problem="The provider has ended it.")
    assert "needs reconnection" in browser.get(f"/instances/{lost.pk}").content.decode()

    sent = browser.post("/connect/again", {"instance": lost.pk})
    location = sandbox.control.approve(sent["Location"])
    browser.get(location.removeprefix("http://127.0.0.1:8000"))

    found = ElementInstance.objects.get()
    assert (found.pk, found.token, found.valid) == (lost.pk, lost.token, True)
    assert Credential.objects.get().state == CredentialState.OK


def test_the_page_tells_what_to_do_at_the_provider(browser: Client) -> None:
    page = browser.get(ADDRESS).content.decode()
    assert "Authorized redirect URIs: http://127.0.0.1:8000/oauth/callback" in page
    assert "https://console.cloud.google.com/" in page
