"""With OUTGOING_PROXY everything goes through it, and the guard still decides where to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from events import attempt
from events.outcome import Answer
from instances import grant
from tests.transport import recording_network
from tests.transport.conftest import TEST_LIMITS, Drive
from tests.transport.connect_proxy import ESTABLISHED, ConnectProxy
from tests.transport.connectors import Tokens, one
from tests.transport.recording_network import PUBLIC
from tests.transport.scripted_provider import ScriptedProvider
from tests.transport.tls_server import NAME, TLSServer
from transport.errors import AddressRefused, ProviderUnreachable, ProxyFailed, TransportError
from transport.guard import AddressGuard, default_guard
from transport.proxy import OutgoingProxy
from transport.types import Account, Request

ONCE = replace(TEST_LIMITS, attempts=1)
ENVIRONMENT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def guard_by(
    proxy: ConnectProxy,
    networks: Sequence[str] = (),
    addresses: Sequence[str] = (PUBLIC,),
    user: str = "",
) -> AddressGuard:
    url = proxy.url.replace("//", f"//{user}")
    through = OutgoingProxy.read(url, networks)
    return AddressGuard(networks, proxy=through, resolve=lambda host, port: addresses)


def get(drive: Drive, url: str) -> int:
    status: int = drive(one(Request("GET", url)), Account(url, Tokens(["token"]))).status
    return status


def test_a_request_goes_through_the_proxy_to_the_judged_address(
    drive: Drive, provider: ScriptedProvider
) -> None:
    with ConnectProxy(provider.port) as proxy:
        drive.guard = guard_by(proxy)
        assert get(drive, "http://public.example/mails") == 200
    assert proxy.asked == [f"{PUBLIC}:80"]
    assert "Authorization" not in proxy.heads[0]
    [seen] = provider.seen
    assert (seen.path, seen.headers["host"]) == ("/mails", "public.example")


def test_tls_is_with_the_destination_by_its_name(drive: Drive, server: TLSServer) -> None:
    with (
        ConnectProxy(server.port) as proxy,
        override_settings(SSL_CERT_FILE=str(server.certificate)),
    ):
        drive.guard = guard_by(proxy, addresses=["2606:4700::1111"])
        assert get(drive, f"https://{NAME}/") == 200
    assert proxy.asked == ["[2606:4700::1111]:443"]
    assert (server.names, server.hosts) == ([NAME], [NAME])


@pytest.mark.parametrize("host", ["private.example", "10.0.0.5", "169.254.169.254"])
def test_the_guard_decides_before_the_proxy_is_asked(drive: Drive, host: str) -> None:
    with ConnectProxy(1) as proxy:
        drive.guard = guard_by(proxy, addresses=["10.0.0.5"])
        with pytest.raises(TransportError, match="not public"):
            get(drive, f"http://{host}/")
    assert proxy.heads == []


def test_the_next_address_is_tried_where_the_proxy_cannot_connect(drive: Drive) -> None:
    drive.limits = ONCE
    with ConnectProxy(1, [b"HTTP/1.1 502 Bad Gateway\r\n\r\n"]) as proxy:
        drive.guard = guard_by(proxy, addresses=["2606:4700::1111", PUBLIC])
        with pytest.raises(ProviderUnreachable, match="could not connect to the host"):
            get(drive, "https://public.example/")
    assert proxy.asked == ["[2606:4700::1111]:443", f"{PUBLIC}:443"]


def test_networks_of_the_operators_own_are_connected_to_directly(
    drive: Drive, provider: ScriptedProvider
) -> None:
    with ConnectProxy(1) as proxy:
        drive.guard = guard_by(proxy, ["127.0.0.0/8"], ["127.0.0.1"])
        assert get(drive, f"http://inside.example:{provider.port}/") == 200
    assert proxy.heads == []


def test_an_answer_in_many_pieces_is_read_whole(drive: Drive, provider: ScriptedProvider) -> None:
    pieces = [ESTABLISHED[place : place + 1] for place in range(len(ESTABLISHED))]
    with ConnectProxy(provider.port, pieces) as proxy:
        drive.guard = guard_by(proxy)
        assert get(drive, "http://public.example/") == 200


def test_the_proxy_is_told_its_user_and_password(drive: Drive, provider: ScriptedProvider) -> None:
    with ConnectProxy(provider.port) as proxy:
        drive.guard = guard_by(proxy, user="ann:p%40ss@")
        assert get(drive, "http://public.example/") == 200
    assert "Proxy-Authorization: Basic YW5uOnBAc3M=\r\n" in proxy.heads[0]
    assert "Proxy-Authorization" not in provider.seen[0].headers
    assert "p@ss" not in repr(drive.guard.proxy)
    assert "YW5u" not in repr(drive.guard.proxy)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "its credentials"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "refused the connection"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "not HTTP"),
        (ESTABLISHED + b"unasked", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 4000, "too long"),
        (b"", "cut the connection"),
    ],
)
def test_a_fault_of_the_proxy_is_told_as_one(drive: Drive, answer: bytes, says: str) -> None:
    drive.limits = ONCE
    with ConnectProxy(1, [answer]) as proxy:
        drive.guard = guard_by(proxy, user="ann:hunter2@")
        with pytest.raises(ProxyFailed, match=says) as failure:
            get(drive, "http://public.example/")
    assert "hunter2" not in str(failure.value)
    assert "127.0.0.1" not in str(failure.value)


def test_a_proxy_that_is_away_is_told_as_one(drive: Drive) -> None:
    drive.limits = ONCE
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    drive.guard = AddressGuard(
        proxy=OutgoingProxy("127.0.0.1", port), resolve=lambda host, port: [PUBLIC]
    )
    with pytest.raises(ProxyFailed, match="cannot be reached"):
        get(drive, "http://public.example/")


# --- What else sends -----------------------------------------------------------------------------


async def deliver(url: str) -> Answer:
    async with attempt.open_sessions() as sessions:
        return await attempt.send(sessions, url, b"{}", {}, {}, 5.0)


def through(proxy: ConnectProxy) -> override_settings:
    """The settings of an operator with that proxy, and none of the machine's own networks."""
    return override_settings(
        OUTGOING_PROXY=proxy.url, OUTGOING_PROXY_BYPASS=[], ALLOWED_PRIVATE_NETWORKS=[]
    )


def test_deliveries_go_through_the_proxy(provider: ScriptedProvider) -> None:
    with ConnectProxy(provider.port) as proxy, through(proxy):
        answer = asyncio.run(deliver(f"http://{PUBLIC}/hook"))
    assert answer.status == 200
    assert proxy.asked == [f"{PUBLIC}:80"]


@pytest.mark.parametrize(
    ("code", "sent"), [(502, True), (503, True), (504, True), (403, False), (407, False)]
)
def test_the_proxys_own_fault_is_not_the_receivers(code: int, sent: bool) -> None:
    with ConnectProxy(1, [b"HTTP/1.1 %d No\r\n\r\n" % code]) as proxy, through(proxy):
        answer = asyncio.run(deliver(f"http://{PUBLIC}/hook"))
    assert (answer.status, answer.sent) == (None, sent)


def test_deliveries_to_an_inbox_go_directly(provider: ScriptedProvider) -> None:
    with (
        ConnectProxy(1) as proxy,
        through(proxy),
        override_settings(PUBLIC_URL=f"http://127.0.0.1:{provider.port}"),
    ):
        answer = asyncio.run(deliver(f"http://127.0.0.1:{provider.port}/inbox/{'a' * 43}"))
    assert answer.status == 200
    assert proxy.heads == []


def test_token_endpoints_are_asked_through_the_proxy(provider: ScriptedProvider) -> None:
    with ConnectProxy(provider.port) as proxy, through(proxy), grant._session("id") as session:
        assert (
            session.request("GET", f"http://{PUBLIC}/token", withhold_token=True).status_code == 200
        )
    assert proxy.asked == [f"{PUBLIC}:80"]


def test_no_proxy_of_the_environment_is_ever_asked(
    drive: Drive, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"http://127.0.0.1:{provider.port}"
    with ConnectProxy(1) as proxy, override_settings(ALLOWED_PRIVATE_NETWORKS=["127.0.0.0/8"]):
        for name in ENVIRONMENT:
            monkeypatch.setenv(name, proxy.url)
        assert get(drive, f"{here}/") == 200
        assert asyncio.run(deliver(f"{here}/hook")).status == 200
        with grant._session("id") as session:
            assert session.request("GET", f"{here}/token", withhold_token=True).status_code == 200
    assert proxy.heads == []
    assert len(provider.seen) == 3


def test_a_proxy_of_the_environment_leads_nowhere_that_the_guard_refuses(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = recording_network.record(monkeypatch)
    for name in ENVIRONMENT:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    drive.guard = AddressGuard()
    drive.limits = ONCE
    with pytest.raises(AddressRefused):
        get(drive, "http://10.0.0.5/")
    assert attempts == []


# --- The setting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:hunter2@proxy.example:3128",
        "socks5://ann:hunter2@proxy.example:1080",
        "ann:hunter2@proxy.example:3128",
        "http://ann:hunter2@proxy.example",
        "http://ann:hunter2@proxy.example:port",
        "http://ann:hunter2@proxy.example:3128/hunter2",
        "http://a%3An:hunter2@proxy.example:3128",
    ],
)
def test_a_proxy_that_cannot_be_read_is_refused_without_its_secrets(url: str) -> None:
    with (
        override_settings(OUTGOING_PROXY=url),
        pytest.raises(ImproperlyConfigured, match="OUTGOING_PROXY: ") as failure,
    ):
        default_guard()
    assert "hunter2" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_bypass_that_cannot_be_read_is_named() -> None:
    with (
        override_settings(OUTGOING_PROXY="http://proxy:3128", OUTGOING_PROXY_BYPASS=["intranet"]),
        pytest.raises(ImproperlyConfigured, match=r"OUTGOING_PROXY_BYPASS.*intranet"),
    ):
        default_guard()
