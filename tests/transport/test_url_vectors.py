"""The URLs that a callback is attacked with. No connection is opened here, whatever is judged."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
import requests

from tests.transport.recording_network import PUBLIC, record, resolve
from transport.errors import AddressRefused
from transport.guard import AddressGuard, read_url

LITERALS = [
    "http://127.0.0.1",
    "http://localhost",
    "http://LOCALHOST.",
    "http://0.0.0.0",
    "http://[::1]",
    "http://[::]",
    "http://[::ffff:127.0.0.1]",
    "http://2130706433",
    "http://0x7f000001",
    "http://0177.0.0.1",
    "http://127.1",
    "http://10.0.0.1",
    "http://172.16.0.1",
    "http://192.168.1.1",
    "http://169.254.169.254",
    "http://100.64.0.1",
    "http://[fc00::1]",
    "http://[fe80::1]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
    "http://[2001::1]",
    "http://224.0.0.1",
    "http://255.255.255.255",
    "http://user@127.0.0.1",
    "http://example.com@127.0.0.1",
    "http://127.0.0.1#@example.com",
    "http://127.0.0.1:8080/path?query",
    "https://127.0.0.1",
]
NAMES = ["http://private.example"]
OTHER_SCHEMES = ["file:///etc/passwd", "gopher://public.example", "ftp://public.example"]
UNREADABLE = [
    "public.example/hook",
    "//public.example/hook",
    "",
    "http://",
    "http:///hook",
    "http://user:password@public.example",
    "http://public.example/\r\nX-Injected: 1",
    "http://public.example\r\n.private.example",
    "http://public.example/\x00",
    "http://public.example/a b",
    "http://public.example\\@127.0.0.1/",
    "http://public.example:0",
    "http://public.example:65536",
    "http://public.example:port",
    "http://[::1",
    "http://[fe80::1%25lo]",
    "http://-public.example",
    "http://public..example",
    "http://\uff11\uff12\uff17.0.0.1",  # full-width digits
    "http://127\u30020\u30020\u30021",  # ideographic full stops
    "http://xn--\u00e4.example",
    "http://public.example/" + "a" * 9000,
]


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard(resolve=resolve)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return record(monkeypatch)


def with_requests(guard: AddressGuard, url: str) -> None:
    with guard.session() as session:
        session.get(url, timeout=1)


def with_aiohttp(guard: AddressGuard, url: str) -> None:
    async def main() -> None:
        async with aiohttp.ClientSession(connector=guard.connector()) as session:
            await session.get(url)

    asyncio.run(main())


NO_ADDRESS = (requests.ConnectionError, aiohttp.ClientConnectorDNSError)  # of a name
EITHER_LIBRARY = pytest.mark.parametrize("get", [with_requests, with_aiohttp])
Get = Callable[[AddressGuard, str], None]


@pytest.mark.parametrize("url", [*LITERALS, *OTHER_SCHEMES, *UNREADABLE])
def test_the_text_of_a_bad_url_is_refused(
    url: str, guard: AddressGuard, attempts: list[Any]
) -> None:
    with pytest.raises(AddressRefused):
        guard.check_url(url)
    assert attempts == []


@pytest.mark.parametrize("url", NAMES)
def test_a_name_has_no_address_where_all_are_refused(url: str, guard: AddressGuard) -> None:
    guard.check_url(url)  # its text is innocent
    target = read_url(url)
    with pytest.raises(socket.gaierror, match="no public address"):
        guard.addresses(target.host, target.port)


def test_a_name_that_resolves_to_nothing_has_no_address(guard: AddressGuard) -> None:
    with pytest.raises(OSError, match="known"):
        guard.addresses("unknown.example", 80)


@pytest.mark.parametrize(
    "url",
    [
        "http://public.example",
        "https://public.example:8443/hook?x=1&y=%20#part",
        "https://PUBLIC.example./",
        "https://b\u00fccher.example/hook",
        f"http://{PUBLIC}/",
        "http://[2606:4700::1111]:80/",
        "https://0x.example.com/",
    ],
)
def test_a_public_url_passes(url: str, guard: AddressGuard) -> None:
    guard.check_url(url)


@EITHER_LIBRARY
@pytest.mark.parametrize("url", [*LITERALS, *NAMES])
def test_no_connection_is_even_begun(
    get: Get, url: str, guard: AddressGuard, attempts: list[Any]
) -> None:
    with pytest.raises((AddressRefused, aiohttp.InvalidURL, *NO_ADDRESS)):
        get(guard, url)
    assert attempts == []


@EITHER_LIBRARY
@pytest.mark.parametrize("url", OTHER_SCHEMES)
def test_only_http_is_spoken(get: Get, url: str, guard: AddressGuard, attempts: list[Any]) -> None:
    with pytest.raises((requests.exceptions.InvalidSchema, aiohttp.NonHttpUrlClientError)):
        get(guard, url)
    assert attempts == []


@EITHER_LIBRARY
@pytest.mark.parametrize(
    ("url", "port"), [("http://public.example", 80), (f"https://{PUBLIC}:8443", 8443)]
)
def test_a_public_address_would_be_connected_to(
    get: Get, url: str, port: int, guard: AddressGuard, attempts: list[Any]
) -> None:
    """Shows that the recorder records: the tests above would fail without the guard."""
    with pytest.raises((requests.ConnectionError, aiohttp.ClientConnectorError)):
        get(guard, url)
    assert [address[:2] for address in attempts] == [(PUBLIC, port)]


@EITHER_LIBRARY
@pytest.mark.parametrize("url", ["http://mixed.example", "http://mixed6.example"])
def test_of_a_name_with_both_the_public_address_alone_is_connected_to(
    get: Get, url: str, guard: AddressGuard, attempts: list[Any]
) -> None:
    with pytest.raises((requests.ConnectionError, aiohttp.ClientConnectorError)):
        get(guard, url)
    assert {address[0] for address in attempts} == {PUBLIC}


@EITHER_LIBRARY
def test_a_name_that_changes_its_answer_after_the_check_is_refused(
    get: Get, attempts: list[Any]
) -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]
    guard = AddressGuard(resolve=lambda host, port: answers.pop(0))

    guard.addresses("rebinding.example", 80)
    with pytest.raises(NO_ADDRESS):
        get(guard, "http://rebinding.example")
    assert attempts == []


@EITHER_LIBRARY
def test_the_address_judged_is_the_one_connected_to(get: Get, attempts: list[Any]) -> None:
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    guard = AddressGuard(resolve=lambda host, port: answers.pop(0))

    with pytest.raises((requests.ConnectionError, aiohttp.ClientConnectorError)):
        get(guard, "http://rebinding.example")
    assert [address[:2] for address in attempts] == [(PUBLIC, 80)]


@EITHER_LIBRARY
def test_a_proxy_in_the_environment_is_not_used(
    get: Get, guard: AddressGuard, attempts: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{PUBLIC}:3128")

    with pytest.raises(NO_ADDRESS):
        get(guard, "http://private.example")
    assert attempts == []
