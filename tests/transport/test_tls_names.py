"""A guarded connection goes to a judged address, and still asks for and verifies the name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
import requests

from tests.transport.tls_server import NAME, TLSServer
from transport.guard import AddressGuard


@pytest.fixture
def guard() -> AddressGuard:
    return AddressGuard(["127.0.0.0/8"], resolve=lambda host, port: ["127.0.0.1"])


def get_with_requests(guard: AddressGuard, url: str, certificate: Path) -> str:
    with guard.session() as session:
        return session.get(url, timeout=5, verify=str(certificate)).text


def get_with_aiohttp(guard: AddressGuard, url: str, certificate: Path) -> str:
    async def main() -> str:
        trusted = ssl.create_default_context(cafile=certificate)
        connector = guard.connector(ssl=trusted)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(url) as answer,
        ):
            return await answer.text()

    return asyncio.run(main())


Get = Callable[[AddressGuard, str, Path], str]
EITHER_LIBRARY = pytest.mark.parametrize("get", [get_with_requests, get_with_aiohttp])


@EITHER_LIBRARY
def test_the_name_is_asked_for_and_verified(
    get: Get, server: TLSServer, guard: AddressGuard
) -> None:
    text = get(guard, f"https://{NAME}:{server.port}/", server.certificate)

    assert text == "ok"
    assert server.names == [NAME]
    assert server.hosts == [f"{NAME}:{server.port}"]


@EITHER_LIBRARY
def test_a_certificate_for_another_name_is_not_accepted(
    get: Get, server: TLSServer, guard: AddressGuard
) -> None:
    with pytest.raises((requests.exceptions.SSLError, aiohttp.ClientSSLError)):
        get(guard, f"https://other.example:{server.port}/", server.certificate)
    assert server.hosts == []
