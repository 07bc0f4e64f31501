"""A provider answers other words for scopes than it was asked with, and all was granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements import catalogue
from elements.types import Element, OAuth2, ScopeNames
from instances import configuration as keys
from instances import scopes
from tests.transport.scripted_provider import ScriptedProvider, answer

API = "/elements/api-v2"
MAIL = "https://mail.google.com/"
GOOGLE = "https://www.googleapis.com/auth/"
GRAPH = "https://graph.example.com/"


@pytest.fixture
def provider(settings: Settings) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        for name in ("GMAIL_API_BASE_URL", "GITHUB_API_BASE_URL"):
            setattr(settings, name, scripted.url)
        for name in ("GOOGLE_TOKEN_URL", "GITHUB_TOKEN_URL"):
            setattr(settings, name, f"{scripted.url}/token")
        yield scripted


def plain() -> Element:
    """An element that declares nothing of its scopes, as one made from JSON."""
    gmail = catalogue.find("gmail")
    assert isinstance(gmail.authentication, OAuth2)
    how = replace(gmail.authentication, scope_names=ScopeNames())
    return replace(gmail, authentication=how, resources=())


def missing(element: Element, asked: str, granted: str) -> tuple[str, ...]:
    return scopes.missing(element, {keys.SCOPE: asked}, granted).scopes


@pytest.mark.parametrize(
    ("key", "asked", "granted", "left_out"),
    [
        ("gmail", f"{MAIL} email profile",
         f"{MAIL} {GOOGLE}userinfo.email {GOOGLE}userinfo.profile openid", ()),
        ("gmail", f"openid email {GOOGLE}gmail.readonly",
         f"{GOOGLE}gmail.readonly openid {GOOGLE}userinfo.email", ()),
        ("gmail", f"{GOOGLE}userinfo.email", "email", ()),
        ("gmail", f"{MAIL} email", MAIL, ("email",)),
        ("gmail", f"{GOOGLE}gmail.modify", f"{GOOGLE}gmail.readonly", (f"{GOOGLE}gmail.modify",)),
        ("github", "repo public_repo", "repo", ()),
        ("github", "repo user user:email", "repo user", ()),
        ("github", "repo admin:org read:org", "admin:org repo", ()),
        ("github", "repo", "public_repo", ("repo",)),
        ("github", "admin:org", "write:org", ("admin:org",)),
    ],
)  # fmt: skip
def test_scopes_are_compared_as_the_element_says(
    key: str, asked: str, granted: str, left_out: tuple[str, ...]
) -> None:
    assert missing(catalogue.find(key), asked, granted) == left_out


@pytest.mark.parametrize(
    ("asked", "granted", "left_out"),
    [
        (f"offline_access {GRAPH}Mail.Read", f"{GRAPH}Mail.Read", ()),
        ("offline_access Mail.Read", f"{GRAPH}Mail.Read openid profile", ()),
        (f"{GRAPH}Mail.Read", "Mail.Read", ()),
        ("offline_access Mail.Read", "mail.read", ()),
        ("Mail.Send Mail.Read", "Mail.Read", ("Mail.Send",)),
        ("read write", "read;write", ()),
        ("read write", "read|write", ()),
        ("read write", "read+write", ()),
        ("read write", "read%20write", ()),
        ("read;write", "read;write", ()),
        ("read write", "read;admin", ("write",)),
        ("https://mail.example.com/", "https://mail.example.com", ()),
        (f"{GRAPH}Mail.Read", "https://other.example.com/Mail.Read", (f"{GRAPH}Mail.Read",)),
    ],
)
def test_an_element_that_declares_nothing_is_read_as_most_providers_write(
    asked: str, granted: str, left_out: tuple[str, ...]
) -> None:
    assert missing(plain(), asked, granted) == left_out


def test_a_scope_that_takes_another_in_reads_what_that_reads() -> None:
    """Whatever is implied is enough for a resource, too, over any number of steps."""
    names = ScopeNames(implied={"all": ("write",), "write": ("read",), "read": ("all",)})
    granted = scopes.Granted(
        replace(plain(), authentication=replace(_oauth(), scope_names=names)), "ALL"
    )

    assert not granted.lacks(("other", "read"))
    assert granted.lacks(("other",))
    assert not granted.lacks(())


def _oauth() -> OAuth2:
    how = plain().authentication
    assert isinstance(how, OAuth2)
    return how


SCOPE = st.builds(
    "{}{}".format,
    st.sampled_from(["", "https://a.example/", "https://b.example/"]),
    st.sampled_from(["Mail.Read", "mail.read", "a:b", "A", "openid", "x_y"]),
)
SCOPES = st.lists(SCOPE, min_size=1, max_size=4)


@settings(deadline=None)
@given(asked=SCOPES, more=SCOPES)
def test_what_is_answered_as_asked_is_never_missing(asked: list[str], more: list[str]) -> None:
    assert missing(plain(), " ".join(asked), " ".join([*more, *asked])) == ()


@settings(deadline=None)
@given(granted=SCOPES)
def test_what_nothing_answered_resembles_is_missing(granted: list[str]) -> None:
    assert missing(plain(), "zz.other", " ".join(granted)) == ("zz.other",)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "asked", "granted"),
    [
        ("gmail", f"{MAIL} email", f"{MAIL} {GOOGLE}userinfo.email"),
        ("github", "repo public_repo", "repo"),
        ("github", "repo", ""),  # an app's user token
    ],
)
def test_nothing_is_wrong_with_an_account_that_granted_all(
    provider: ScriptedProvider,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
    key: str,
    asked: str,
    granted: str,
) -> None:
    token = {"access_token": "at", "token_type": "bearer", "refresh_token": "rt", "scope": granted}
    account = {"emailAddress": "user@example.com", "id": 1, "login": "octocat"}
    provider.answers, provider.otherwise = [answer(200, token)], answer(200, account)
    body: dict[str, Any] = {
        "name": "Account",
        "element": {"key": key},
        "providerData": {"code": "code"},
        "configuration": {
            "oauth.api.key": "client",
            "oauth.api.secret": "secret",
            "oauth.callback.url": "http://127.0.0.1/callback",
            "oauth.scope": asked,
        },
    }

    shown = client_for(organization).post(f"{API}/instances", body, format="json").json()

    assert shown["valid"]
    assert not {"problem", "reasonCode", "missingScopes"} & set(shown)
