"""The forms in which providers write what they grant: none of them throws a token away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from elements import catalogue
from instances import grant, token_answer
from instances.models import Credential, CredentialState
from tests.all_due import refresh_all_due
from tests.instances.test_renewals_of_other_providers import due_credential
from tests.transport.scripted_provider import ScriptedProvider, answer

# A lifetime as an answer has it, and the seconds that it says; None: it says nothing.
LIFETIMES = [
    (3600, 3600), ("3600", 3600), (3600.0, 3600), ("3600.0", 3600), (" 3599.4 ", 3599),
    ("PT1H", 3600), ("01:00:00", 3600), ("", None), (None, None), (0, None), ("0", None),
    (-1, None), ("never", None), ([3600], None), ({}, None), (True, None), (1e300, None),
    (10**4000, None), (float("inf"), None), ("nan", None), ("9" * 400, None), ("P1D", 86_400),
    ("7200s", 7200), ("7200.5s", 7200), ("3,600", None), ("3 600", None), ("1 day", None),
    ("1h", None), ("s", None), (0.001, None), ("0.5s", None), (1_764_590_400, None),
]  # fmt: skip

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture
def endpoint(settings: Settings) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GOOGLE_TOKEN_URL = f"{scripted.url}/token"
        yield scripted


def renew() -> grant.Grant:
    client = grant.Client("an-id", "a-client-secret")
    return grant.renew(catalogue.find("gmail"), client, refresh_token="first", scope="a b")


def exchange() -> grant.Grant:
    client = grant.Client("an-id", "a-client-secret")
    return grant.exchange(
        catalogue.find("gmail"),
        client,
        code="code",
        callback_url="http://127.0.0.1/",
        scopes=("a", "b"),
    )


def whole(**parts: Any) -> dict[str, Any]:
    return {
        "access_token": "new",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "a b",
        "refresh_token": "second",
        **parts,
    }


@pytest.mark.parametrize("ask", [renew, exchange])
@pytest.mark.parametrize(("lifetime", "seconds"), LIFETIMES)
def test_a_lifetime_of_any_form_gives_a_grant(
    endpoint: ScriptedProvider,
    ask: Callable[[], grant.Grant],
    lifetime: object,
    seconds: int | None,
) -> None:
    endpoint.otherwise = answer(200, whole(expires_in=lifetime))

    given = ask()

    assert (given.access_token, given.refresh_token) == ("new", "second")
    assert given.expires_at is not None
    lives = (given.expires_at - given.obtained_at).total_seconds()
    assert int(lives) == seconds or (seconds is None and lives == grant.DEFAULT_LIFETIME)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("odd", [{"expires_in": "never"}, {"scope": 7}, {"error": None}])
def test_a_token_that_was_rotated_beside_an_odd_part_is_kept(
    endpoint: ScriptedProvider, odd: dict[str, Any]
) -> None:
    """Each answer spends the token before, so that to miss one loses the grant."""
    endpoint.answers = [
        answer(200, whole(refresh_token=token, **odd)) for token in ("second", "third", "fourth")
    ]
    endpoint.otherwise = answer(400, {"error": "invalid_grant"})
    due_credential()

    for _ in range(3):
        refresh_all_due()
        Credential.objects.update(refresh_due_at=timezone.now())

    sent = [parse_qs(one.body.decode())["refresh_token"][0] for one in endpoint.seen]
    assert sent == ["first", "second", "third"]
    credential = Credential.objects.get()
    assert credential.refresh_token == "fourth"
    assert credential.state == CredentialState.OK


@pytest.mark.parametrize(
    "scope", ["a b", "a,b", "a, b", ["a", "b"], ["a b"], "", None, [], 7, {"a": 1}, "ä", "a\0b"]
)
def test_scopes_of_any_form_are_read_or_unchanged(
    endpoint: ScriptedProvider, scope: object
) -> None:
    endpoint.otherwise = answer(200, whole(scope=scope))

    assert renew().scope == "a b"


@pytest.mark.parametrize("absent", ["token_type", "scope", "expires_in", "refresh_token"])
def test_an_absent_part_is_as_it_was(endpoint: ScriptedProvider, absent: str) -> None:
    endpoint.otherwise = answer(
        200, {name: value for name, value in whole().items() if name != absent}
    )

    given = renew()

    assert (given.access_token, given.scope) == ("new", "a b")
    assert given.refresh_token == ("first" if absent == "refresh_token" else "second")


def test_a_form_is_an_answer_too(endpoint: ScriptedProvider) -> None:
    endpoint.otherwise = answer(200, urlencode(whole(expires_in="")).encode())

    assert (renew().access_token, renew().refresh_token) == ("new", "second")


@settings(deadline=None, max_examples=200)
@given(odd=st.dictionaries(st.sampled_from(["token_type", "scope", "expires_in", "error", "x"]),
                           ANYTHING))  # fmt: skip
def test_no_part_takes_the_tokens_along(odd: dict[str, Any]) -> None:
    """Whatever stands beside them, both are read, and what is passed on is of RFC 6749's types."""
    body = json.dumps(whole(**odd)).encode()

    read = json.loads(token_answer.readable(token_answer.parts_of(body)))

    assert (read["access_token"], read["refresh_token"]) == ("new", "second")
    assert set(read) <= {"access_token", "refresh_token", "token_type", "scope", "expires_in"}
    assert isinstance(read.get("token_type", ""), str)
    assert isinstance(read.get("scope", ""), str)
    assert 0 < read.get("expires_in", 1) <= token_answer.MAX_LIFETIME


@settings(deadline=None, max_examples=200)
@given(value=ANYTHING | st.from_regex(r"[-+]?[0-9_]{0,4}([.,:][0-9]*)?[eEPTHMS]?", fullmatch=True))
def test_a_lifetime_is_a_bounded_number_or_nothing(value: object) -> None:
    lifetime = token_answer.seconds(value)

    assert lifetime is None or 0 < lifetime <= token_answer.MAX_LIFETIME
    if isinstance(value, int) and not isinstance(value, bool) and lifetime is not None:
        assert lifetime == value == token_answer.seconds(f"{value}.0")
