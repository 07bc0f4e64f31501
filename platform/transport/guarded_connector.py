"""The address guard under aiohttp."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    from transport.guard import AddressGuard


class _JudgedResolver(AbstractResolver):
    """Resolves a name to addresses that are all judged."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._guard.aaddresses(host, port)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close: the guard's resolver serves everybody."""


class GuardedConnector(aiohttp.TCPConnector):
    """Judges what a name resolves to, and again each address just before it is connected to.

    aiohttp asks no resolver about an IP address in a URL; the second judge sees those.
    """

    def __init__(self, guard: AddressGuard, **options: Any) -> None:
        self._guard = guard
        super().__init__(
            resolver=_JudgedResolver(guard),
            socket_factory=self._judged_socket,
            use_dns_cache=False,  # the resolver has one; aiohttp's lets owners wait on each other
            **options,
        )

    def _judged_socket(self, address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = address
        self._guard.judge(str(where[0]), str(where[0]))
        return socket.socket(family, kind, protocol)
