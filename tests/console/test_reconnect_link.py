"""A link that connects an account again: without signing in, once, and the same account only."""

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

from instances import reconnect_link
from instances.credential import refresh
from instances.models import Credential, ElementInstance, OAuthState, ReconnectLink
from integrations.gmail.sandbox.server import SandboxServer
from polling.models import PollingResource
from tests.all_due import clean_all_due
from tests.console.conftest import HERE
from transport.errors import GrantLost

Travel = Callable[..., str]
MAILBOX = "user@example.com"
OTHER = "other@example.com"


@pytest.fixture
def lost(browser: Client, travel: Travel, sandbox: SandboxServer) -> ElementInstance:
    """A mailbox whose owner has taken the access away."""
    browser.get(travel({"address": MAILBOX}))
    sandbox.control.revoke()
    credential = Credential.objects.get()
    with pytest.raises(GrantLost):
        refresh(credential.pk, credential.access_token)
    return ElementInstance.objects.get()


@pytest.fixture
def link(lost: ElementInstance) -> str:
    """The path of a link that was just made."""
    ReconnectLink.objects.all().delete()
    return reconnect_link.make(lost, timezone.now()).url.removeprefix(HERE)


def to_provider(visitor: Client, link: str) -> str:
    """From the page of the link to the consent page's address."""
    assert visitor.get(link).status_code == 200
    sent = visitor.post(link)
    assert sent.status_code == 302, sent.content
    return str(sent["Location"])


def back(sandbox: SandboxServer, url: str, **answer: Any) -> str:
    return sandbox.control.approve(url, **answer).removeprefix(HERE)


def test_the_account_is_connected_again_and_nothing_else_changes(
    lost: ElementInstance, link: str, sandbox: SandboxServer
) -> None:
    before = PollingResource.objects.get()
    visitor = Client()

    url = to_provider(visitor, link)
    assert parse_qs(urlsplit(url).query)["login_hint"] == [MAILBOX]
    page = visitor.get(back(sandbox, url, address=MAILBOX))

    assert page.status_code == 200
    assert "is connected again" in page.content.decode()
    after = ElementInstance.objects.get()
    assert (after.pk, after.token, after.tags, after.name) == (
        lost.pk,
        lost.token,
        lost.tags,
        lost.name,
    )
    assert (after.valid, after.reason_code) == (True, "no-callback-url")
    resource = PollingResource.objects.get()
    assert (resource.pk, resource.cursor, resource.active) == (before.pk, before.cursor, True)


def test_opening_it_uses_nothing_up(link: str, sandbox: SandboxServer) -> None:
    for _ in range(3):
        assert Client().get(link).status_code == 200
    assert Client().head(link).status_code == 200
    assert not OAuthState.objects.filter(used_at=None).exists()
    visitor = Client()
    assert visitor.get(back(sandbox, to_provider(visitor, link))).status_code == 200


def test_a_link_connects_once(link: str, sandbox: SandboxServer) -> None:
    one, other = Client(), Client()
    first, second = (back(sandbox, to_provider(each, link)) for each in (one, other))
    assert one.get(first).status_code == 200
    held = Credential.objects.get().access_token

    for page in (other.get(second), other.get(link), other.post(link), one.get(first)):
        assert page.status_code == 400
    assert "has done its work" in other.get(link).content.decode()
    assert Credential.objects.get().access_token == held


def test_two_clicks_on_the_button_are_one_connection(link: str, sandbox: SandboxServer) -> None:
    visitor = Client()
    to_provider(visitor, link)
    url = to_provider(visitor, link)
    assert visitor.get(back(sandbox, url)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_another_account_is_refused_and_its_grant_given_back(
    lost: ElementInstance, link: str, sandbox: SandboxServer
) -> None:
    sandbox.control.create_mailbox(OTHER)
    visitor = Client()

    page = visitor.get(back(sandbox, to_provider(visitor, link), address=OTHER))

    assert page.status_code == 400
    assert "Another account was chosen" in page.content.decode()
    assert not ElementInstance.objects.get().valid
    clean_all_due()
    assert sandbox.control.state()["tokens"]["refresh_tokens"] == 0
    assert (
        visitor.get(back(sandbox, to_provider(visitor, link), address=MAILBOX)).status_code == 200
    )


@pytest.mark.django_db(transaction=True)
def test_another_account_that_is_connected_elsewhere_keeps_its_grant(
    browser: Client, travel: Travel, link: str, sandbox: SandboxServer
) -> None:
    sandbox.control.create_mailbox(OTHER)
    browser.get(travel({"address": OTHER}, name="Another"))
    visitor = Client()
    page = visitor.get(back(sandbox, to_provider(visitor, link), address=OTHER))
    assert page.status_code == 400
    clean_all_due()
    assert sandbox.control.state()["tokens"]["refresh_tokens"] == 2


def test_an_account_that_the_provider_does_not_name_is_not_taken(
    link: str, sandbox: SandboxServer
) -> None:
    sandbox.control.add_fault({"path": "/gmail/v1/users/me/profile"}, {"status": 500})
    visitor = Client()
    page = visitor.get(back(sandbox, to_provider(visitor, link)))
    assert page.status_code == 400
    assert "did not say which account" in page.content.decode()
    sandbox.control.clear_faults()
    assert visitor.get(back(sandbox, to_provider(visitor, link))).status_code == 200


def test_a_refusal_at_the_provider_leaves_the_link_good(link: str, sandbox: SandboxServer) -> None:
    visitor = Client()
    page = visitor.get(back(sandbox, to_provider(visitor, link), deny=True))
    assert page.status_code == 400
    assert "access was refused" in page.content.decode()
    assert link in page.content.decode()
    assert visitor.get(back(sandbox, to_provider(visitor, link))).status_code == 200


@pytest.mark.parametrize("method", ["get", "post"])
def test_links_that_lead_nowhere_say_so(link: str, method: str) -> None:
    for wrong in (
        "/reconnect/x",
        "/reconnect/a:b:c",
        link[:-1],
        f"{link}x",
        "/reconnect/" + "x" * 9_000,
    ):
        page = getattr(Client(), method)(wrong)
        assert page.status_code == 400, wrong
        assert "not one of ours, or was cut" in page.content.decode()
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        page = getattr(Client(), method)(link)
    assert page.status_code == 400
    assert "has expired" in page.content.decode()
    ElementInstance.objects.all().delete()
    assert "no longer good" in getattr(Client(), method)(link).content.decode()


def test_a_callback_in_another_browser_connects_nothing(link: str, sandbox: SandboxServer) -> None:
    path = back(sandbox, to_provider(Client(), link))
    assert Client().get(path).status_code == 302  # to the sign-in page, as for any callback
    assert not ElementInstance.objects.get().valid


def test_connecting_again_in_another_way_ends_the_links(
    browser: Client, lost: ElementInstance, link: str, sandbox: SandboxServer
) -> None:
    sent = browser.post("/connect/again", {"instance": lost.pk})
    browser.get(back(sandbox, sent["Location"]))
    assert ElementInstance.objects.get().valid
    assert "connected again in another way" in Client().get(link).content.decode()


def test_the_instances_page_makes_a_link(browser: Client, lost: ElementInstance) -> None:
    page = browser.post(f"/instances/{lost.pk}/reconnect-link").content.decode()
    [path] = set(re.findall(rf"{HERE}(/reconnect/[^\"<]+)", page))
    assert Client().get(path).status_code == 200


def test_others_make_no_link(lost: ElementInstance, stranger: Any) -> None:
    other = Client()
    other.force_login(stranger)
    before = ReconnectLink.objects.count()
    assert other.post(f"/instances/{lost.pk}/reconnect-link").status_code == 404
    assert ReconnectLink.objects.count() == before


def test_an_instance_has_so_many_open_links(lost: ElementInstance) -> None:
    made = [reconnect_link.make(lost, timezone.now()).url for _ in range(25)]
    assert ReconnectLink.objects.count() == reconnect_link.MOST_OPEN
    assert Client().get(made[0].removeprefix(HERE)).status_code == 400
    assert Client().get(made[-1].removeprefix(HERE)).status_code == 200
