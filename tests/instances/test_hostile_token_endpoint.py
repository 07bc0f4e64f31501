"""A token endpoint that answers with anything: an error in bounded time and memory, no secret."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from elements import catalogue
from elements.types import OAuth2
from instances import grant
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport.errors import MalformedAnswer, ProviderError, ProviderUnreachable, TransportError

SECRET = "a-client+secret/of=many characters"
ENDLESS = 120.0  # seconds, as long as nobody is too slow to notice 0.3
Ask = Callable[[], grant.Grant]


@pytest.fixture
def endpoint(settings: Any) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GOOGLE_TOKEN_URL = f"{scripted.url}/token"
        yield scripted


@pytest.fixture(params=["exchange", "renew"])
def ask(request: pytest.FixtureRequest) -> Ask:
    element, client = catalogue.find("gmail"), grant.Client("an-id", SECRET)
    if request.param == "renew":
        return lambda: grant.renew(element, client, refresh_token="a-refresh-token", scope="a")
    return lambda: grant.exchange(
        element, client, code="a-code-of-ours", callback_url="http://127.0.0.1/", scopes=("a",)
    )


def token(**parts: Any) -> bytes:
    whole = {"access_token": "new", "expires_in": 3600, "token_type": "Bearer", "scope": "a"}
    return answer(200, {**whole, **parts}, Content_Type="application/json")


def test_a_refusal_may_come_as_a_success(endpoint: ScriptedProvider, ask: Ask) -> None:
    refusal = {"error": "access_denied", "error_description": "The code is wrong."}
    endpoint.otherwise = answer(200, refusal, Content_Type="application/json")

    with pytest.raises(ProviderError) as raised:
        ask()

    assert (raised.value.status, raised.value.reason) == (400, "access_denied")


def test_a_provider_has_words_of_its_own(endpoint: ScriptedProvider, ask: Ask) -> None:
    gmail = catalogue.find("gmail")
    assert isinstance(gmail.authentication, OAuth2)
    words = {"bad_code": "invalid_grant"}
    element = replace(gmail, authentication=replace(gmail.authentication, errors=words))
    endpoint.otherwise = answer(200, {"error": "bad_code"}, Content_Type="application/json")

    with pytest.raises(ProviderError) as raised:
        grant.renew(element, grant.Client("an-id", SECRET), refresh_token="a", scope="a")

    assert raised.value.reason == "invalid_grant"


@pytest.mark.parametrize("more", [{}, {"expires_in": None}])
def test_a_token_that_does_not_expire_is_never_due(
    endpoint: ScriptedProvider, ask: Ask, more: dict[str, Any]
) -> None:
    body = {"access_token": "new", "token_type": "bearer", "scope": "repo,user", **more}
    endpoint.otherwise = answer(200, body, Content_Type="application/json")

    given = ask()

    assert given.scope == "repo user"
    assert (given.expires_at is None) == (given.refresh_token == "")


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "scope"])
@pytest.mark.parametrize("value", ["a\0b", "\ud800", "a\nb", "x" * 20_000, {"a": 1}])
def test_what_could_not_be_stored_or_sent_is_refused(
    endpoint: ScriptedProvider, ask: Ask, name: str, value: object
) -> None:
    endpoint.otherwise = token(**{name: value})

    try:
        given = ask()
    except MalformedAnswer:
        return
    kept = getattr(given, name)
    assert isinstance(kept, str)
    assert kept.isascii()
    assert kept.isprintable()


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 100_000, b"", b"<html>", b"\0"])
def test_an_answer_that_is_none_is_an_error(
    endpoint: ScriptedProvider, ask: Ask, status: int, body: bytes
) -> None:
    endpoint.otherwise = answer(status, body, Retry_After="Mon, 01 Jan 99999999999 00:00:00 GMT")

    with pytest.raises(TransportError):
        ask()


@pytest.mark.parametrize(
    "said",
    [
        "no: " + "x" * 285 + SECRET,
        "client_secret=a-client%2Bsecret%2Fof%3Dmany+characters",
        "code=a-code-of-ours&refresh_token=a-refresh-token",
    ],
)
@pytest.mark.parametrize("as_json", [True, False])
def test_a_secret_that_is_echoed_is_not_repeated(
    endpoint: ScriptedProvider, said: str, as_json: bool
) -> None:
    form = {"error": "invalid_request", "error_description": said}
    endpoint.otherwise = answer(400, json.dumps(form).encode() if as_json else said.encode())
    element, client = catalogue.find("gmail"), grant.Client("an-id", SECRET)

    with pytest.raises(ProviderError) as exchanged:
        grant.exchange(
            element, client, code="a-code-of-ours", callback_url="http://127.0.0.1/", scopes=()
        )
    with pytest.raises(ProviderError) as renewed:
        grant.renew(element, client, refresh_token="a-refresh-token", scope="")

    for raised in (exchanged, renewed):
        assert "a-client" not in str(raised.value)
    assert "a-code-of-ours" not in str(exchanged.value)
    assert "a-refresh-token" not in str(renewed.value)


@pytest.mark.parametrize("status", [200, 400])
def test_a_compressed_flood_is_not_unpacked(
    endpoint: ScriptedProvider, ask: Ask, status: int
) -> None:
    endpoint.otherwise = answer(status, gzip.compress(b" " * 30_000_000), Content_Encoding="gzip")

    with pytest.raises(MalformedAnswer, match="larger than"):
        ask()


def test_an_answer_that_only_drips_is_given_up(
    endpoint: ScriptedProvider, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        gives_up = time.monotonic() + ENDLESS
        while time.monotonic() < gives_up:
            try:
                connection.sendall(b" ")
            except OSError:
                return
            time.sleep(0.02)  # the provider's slowness is what is tested

    monkeypatch.setattr(grant, "LIMITS", replace(grant.LIMITS, total=0.3))
    endpoint.otherwise = drip

    began = time.monotonic()
    with pytest.raises(ProviderUnreachable, match=r"0\.3 s"):
        ask()
    assert time.monotonic() - began < ENDLESS / 2


def test_the_first_of_two_pauses_counts(endpoint: ScriptedProvider, ask: Ask) -> None:
    endpoint.otherwise = answer(503, b"", Retry_After="90\r\nRetry-After: 30")

    with pytest.raises(ProviderError) as raised:
        ask()

    assert raised.value.retry_after == 90.0
