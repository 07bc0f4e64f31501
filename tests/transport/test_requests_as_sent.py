"""What a provider sees of a connector's request."""

from __future__ import annotations

import json

import pytest

from tests.transport.conftest import Drive
from tests.transport.connectors import Tokens, in_turn, one
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport.errors import AddressRefused, TransportError
from transport.guard import AddressGuard
from transport.types import Account, Request


def test_a_path_is_put_behind_the_base_url_and_its_query_encoded(
    provider: ScriptedProvider, drive: Drive
) -> None:
    account = Account(provider.url + "/v1/", Tokens(["token-1"]))

    response = drive(
        one(Request("get", "/messages", {"q": "a b&c=d", "max": 500, "type": ["x", "y"]})), account
    )

    assert response.json() == {"ok": True}
    [seen] = provider.seen
    assert (seen.method, seen.path) == (
        "GET",
        "/v1/messages?q=a%20b%26c%3Dd&max=500&type=x&type=y",
    )
    assert seen.headers["authorization"] == "Bearer token-1"
    assert seen.headers["user-agent"].startswith("Periodic/")
    assert seen.headers["accept"] == "application/json"
    assert seen.headers["host"] == f"127.0.0.1:{provider.port}"


def test_json_and_headers_are_sent(provider: ScriptedProvider, drive: Drive) -> None:
    request = Request("POST", "/labels?a=1", {"b": 2}, json={"name": "ü"}, headers={"X-Own": "1"})

    drive(one(request), Account(provider.url))

    [seen] = provider.seen
    assert seen.path == "/labels?a=1&b=2"
    assert json.loads(seen.body) == {"name": "ü"}
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["x-own"] == "1"
    assert "authorization" not in seen.headers


def test_an_answers_header_names_are_in_lower_case(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.answers = [answer(200, b"x", X_Custom="Value")]

    response = drive(one(Request("GET", "/")), Account(provider.url))

    assert response.headers["x-custom"] == "Value"


def test_a_path_cannot_smuggle_in_a_header(provider: ScriptedProvider, drive: Drive) -> None:
    drive(one(Request("GET", "/a b\r\nX-Injected: 1\r\n")), Account(provider.url))

    [seen] = provider.seen
    assert seen.path == "/a%20b%0D%0AX-Injected:%201%0D%0A"
    assert "x-injected" not in seen.headers


def test_an_absolute_url_on_the_providers_own_origin_gets_the_token(
    provider: ScriptedProvider, drive: Drive
) -> None:
    account = Account(provider.url + "/v1", Tokens(["token-1"]))

    drive(one(Request("GET", provider.url + "/next?page=2")), account)

    [seen] = provider.seen
    assert seen.path == "/next?page=2"
    assert seen.headers["authorization"] == "Bearer token-1"


def test_the_token_goes_to_no_other_origin(provider: ScriptedProvider, drive: Drive) -> None:
    with ScriptedProvider() as elsewhere:
        drive(
            one(Request("GET", elsewhere.url + "/next")),
            Account(provider.url, Tokens(["token-1"])),
        )

        [seen] = elsewhere.seen
        assert "authorization" not in seen.headers


@pytest.mark.parametrize(
    "url", ["@127.0.0.1/", ".example.com/", "messages", "", "http://user@127.0.0.1/", "file:///x"]
)
def test_a_url_that_could_change_the_host_is_refused(
    url: str, provider: ScriptedProvider, drive: Drive
) -> None:
    with pytest.raises(AddressRefused):
        drive(one(Request("GET", url)), Account(provider.url))
    assert provider.seen == []


def test_an_unreadable_base_url_is_refused(drive: Drive) -> None:
    with pytest.raises(AddressRefused, match="user name"):
        drive(one(Request("GET", "/")), Account("http://user:secret@127.0.0.1"))


@pytest.mark.parametrize("token", ["", "se cret", "secret\r\nX-Injected: 1", "secr\u00e9t"])
def test_a_malformed_token_is_neither_sent_nor_shown(
    token: str, provider: ScriptedProvider, drive: Drive
) -> None:
    with pytest.raises(TransportError) as raised:
        drive(one(Request("GET", "/")), Account(provider.url, Tokens([token])))

    assert provider.seen == []
    assert "malformed" in str(raised.value)
    assert not token or token not in repr(raised.value)


def test_a_cookie_is_not_kept_for_the_next_account(
    provider: ScriptedProvider, drive: Drive
) -> None:
    provider.otherwise = answer(200, b"{}", Set_Cookie="session=1; Path=/")

    # By name: an HTTP library may drop the cookies of an IP address of its own accord.
    drive.guard = AddressGuard(["127.0.0.0/8"], resolve=lambda host, port: ["127.0.0.1"])
    account = Account(f"http://provider.example:{provider.port}")

    drive(in_turn([Request("GET", "/1"), Request("GET", "/2")]), account)

    assert len(provider.seen) == 2
    assert all("cookie" not in seen.headers for seen in provider.seen)


def test_a_connection_is_used_again(provider: ScriptedProvider, drive: Drive) -> None:
    provider.answers = [answer(200, b"{}"), answer(404, b"no"), answer(200, b"")]

    drive(in_turn([Request("GET", f"/{i}") for i in range(5)]), Account(provider.url))

    assert [seen.connection for seen in provider.seen] == [1] * 5
