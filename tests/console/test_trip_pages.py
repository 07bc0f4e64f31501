"""What the page says when the way to a provider and back went wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from instances.models import Credential, ElementInstance, OAuthState
from integrations.gmail.element import SCOPES
from integrations.gmail.sandbox.server import SandboxServer

Travel = Callable[..., str]
Form = Callable[..., dict[str, Any]]
FORM = "/catalogue/gmail/authenticate"


def failed(browser: Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 400
    return answer.content.decode()


def can_go_on(browser: Client, page: str) -> bool:
    """Whether the page leads back to the form with all that was typed."""
    address = f"{FORM}?again={OAuthState.objects.latest('pk').pk}"
    if f'href="{address}"' not in page:
        return False
    filled = browser.get(address).content.decode()
    return 'value="sandbox-client"' in filled and filled.count('value="********"') == 2


def test_refused(browser: Client, travel: Travel) -> None:
    page = failed(browser, travel({"deny": True}))
    assert "The access was refused" in page
    assert "allow the access" in page
    assert can_go_on(browser, page)


def test_a_wrong_secret(browser: Client, travel: Travel) -> None:
    page = failed(browser, travel(api_secret="wrong"))
    assert "Gmail did not accept the API key or its secret" in page
    assert can_go_on(browser, page)


def test_another_redirect_uri_than_the_code_was_sent_to(
    browser: Client, travel: Travel, settings: LazySettings
) -> None:
    path = travel()
    trip = OAuthState.objects.get()
    trip.request = trip.request.replace("127.0.0.1:8000/oauth", "127.0.0.1:9999/oauth")
    trip.save()
    page = failed(browser, path)
    assert "The callback URL is not registered" in page
    assert "http://127.0.0.1:8000/oauth/callback" in page
    assert can_go_on(browser, page)


def test_too_late(browser: Client, travel: Travel) -> None:
    path = travel()
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        page = failed(browser, path)
        assert "That took too long" in page
        assert can_go_on(browser, page)


def test_a_spent_code(browser: Client, travel: Travel) -> None:
    path = travel()
    page = failed(browser, path.replace("code=", "code=x"))
    assert "The permission was no longer good" in page
    assert can_go_on(browser, page)


def test_an_error_of_the_providers_own_is_text(browser: Client, travel: Travel) -> None:
    query = travel().partition("state=")[2].split("&")[0]
    hostile = urlencode({"error": "<b>odd</b>", "error_description": "<script>alert(1)</script>"})
    page = failed(browser, f"/oauth/callback?state={query}&{hostile}")
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert can_go_on(browser, page)


def test_a_provider_that_is_away(browser: Client, travel: Travel, settings: LazySettings) -> None:
    path = travel()
    settings.GOOGLE_TOKEN_URL = "http://127.0.0.1:1/token"
    page = failed(browser, path)
    assert "Gmail did not answer" in page
    assert can_go_on(browser, page)


def test_an_instance_that_was_deleted_meanwhile(
    browser: Client, travel: Travel, sandbox: SandboxServer
) -> None:
    browser.get(travel())
    instance = ElementInstance.objects.get()
    asked = browser.post("/connect/again", {"instance": instance.pk})["Location"]
    browser.post(f"/instances/{instance.pk}/delete")
    back = sandbox.control.approve(asked).removeprefix("http://127.0.0.1:8000")
    page = failed(browser, back)
    assert "The instance is no longer there" in page
    assert "Try again" not in page
    assert f"/instances/{instance.pk}" not in page


def test_another_account_is_connected_only_by_those_who_say_so(
    browser: Client, travel: Travel, sandbox: SandboxServer
) -> None:
    browser.get(travel())
    sandbox.control.create_mailbox("other@example.com")
    whose = Credential.objects.get().account

    def back(**answers: Any) -> str:
        asked = browser.post("/connect/again", answers)["Location"]
        location = sandbox.control.approve(asked, address="other@example.com")
        return location.removeprefix("http://127.0.0.1:8000")

    page = failed(browser, back(instance=ElementInstance.objects.get().pk))
    assert "That is another account" in page
    assert 'name="other_account"' in page
    assert Credential.objects.get().account == whose

    trip = OAuthState.objects.latest("pk").pk
    assert browser.get(back(again=trip, other_account="true")).status_code == 302
    assert Credential.objects.get().account != whose


def test_an_unticked_scope(browser: Client, travel: Travel) -> None:
    done = browser.get(travel({"scopes": [SCOPES[0]]}), follow=True)
    instance = ElementInstance.objects.get()
    assert done.redirect_chain == [(f"/instances/{instance.pk}/left-out", 302)]
    page = done.content.decode()
    assert "not all was allowed" in page
    assert SCOPES[1] in page
    assert 'action="/connect/again"' in page
    assert f'value="{instance.pk}"' in page


def test_whoever_does_not_come_back_is_offered_what_was_typed(
    browser: Client, form: Form, travel: Travel
) -> None:
    assert "did not come back" not in browser.get(FORM).content.decode()
    browser.post(FORM, form())
    page = browser.get(FORM).content.decode()
    assert "did not come back" in page
    again = f"?again={OAuthState.objects.get().pk}"
    assert f'href="{again}"' in page
    assert 'value="sandbox-client"' in browser.get(FORM + again).content.decode()
    assert "did not come back" not in browser.get("/catalogue/github/authenticate").content.decode()

    browser.get(travel())
    assert "did not come back" not in browser.get(FORM).content.decode()


@pytest.mark.parametrize("trip", ["1", "x", "", "9" * 30])
def test_a_trip_that_is_not_there_begins_with_an_empty_form(browser: Client, trip: str) -> None:
    answer = browser.get(f"{FORM}?again={trip}")
    assert answer.status_code == 200
    assert 'value="Gmail"' in answer.content.decode()


def test_a_code_for_the_api_is_shown_to_be_copied(client: Client, db: None) -> None:
    page = client.get("/oauth/code?code=4%2F0Ab_c&state=gmail")
    text = page.content.decode()
    assert 'value="4/0Ab_c"' in text
    assert 'data-copy="#code"' in text
    assert "gmail" in text
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "no-referrer"


def test_a_refusal_and_a_bare_visit_show_no_code(client: Client, db: None) -> None:
    refused = client.get("/oauth/code?error=access_denied").content.decode()
    assert "The provider says: access_denied." in refused
    assert "data-copy" not in refused
    assert "<h1>No code</h1>" in client.get("/oauth/code").content.decode()


def test_what_an_address_says_stays_text(client: Client, db: None) -> None:
    hostile = '"><script>alert(1)</script>'
    for name in ("code", "state", "error"):
        page = client.get("/oauth/code", {"code": "c", name: hostile}).content.decode()
        assert hostile not in page
