"""A network in which nothing can be connected to: it writes down who was about to be."""

from __future__ import annotations

import asyncio
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from typing import Any

import pytest

PUBLIC = "93.184.215.14"
NAMES = {
    "public.example": [PUBLIC],
    "private.example": ["10.0.0.5"],
    "mixed.example": [PUBLIC, "10.0.0.5"],
    "mixed6.example": [PUBLIC, "::1"],
    "localhost": ["127.0.0.1"],
    "example.com": [PUBLIC],
}


def resolve(host: str, port: int) -> list[str]:
    """Made-up names; IP addresses in every spelling that the system knows."""
    name = host.lower().rstrip(".")
    if name in NAMES:
        return NAMES[name]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(address[4][0]) for address in found]


def record(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that any socket is told to connect to, from now on; each is refused."""
    attempts: list[Any] = []

    def connect(self: socket.socket, address: Any) -> None:
        attempts.append(address)
        raise ConnectionRefusedError

    async def sock_connect(
        self: asyncio.AbstractEventLoop, sock: socket.socket, address: Any
    ) -> None:
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", sock_connect)
    return attempts
