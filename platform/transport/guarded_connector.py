"""The address guard under aiohttp."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from transport import proxy, trust
from transport.errors import ProviderUnreachable
from transport.proxy import OutgoingProxy

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler

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
        options.setdefault("ssl", trust.context())
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

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[aiohttp.AddrInfoType],
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp has it
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **kwargs: Any,
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        """As aiohttp's, through the operator's proxy where it serves the addresses."""
        through = self._guard.proxy
        addresses = [(str(where[0]), int(where[1])) for *_, where in addr_infos]
        if through is None or not through.serves(addresses[0][0]):
            return await super()._wrap_create_connection(
                *args,
                addr_infos=addr_infos,
                req=req,
                timeout=timeout,
                client_error=client_error,
                **kwargs,
            )
        kwargs["sock"] = await self._through(through, addresses)
        return await super()._wrap_existing_connection(
            *args, req=req, timeout=timeout, client_error=client_error, **kwargs
        )

    async def _through(
        self, through: OutgoingProxy, addresses: Sequence[tuple[str, int]]
    ) -> socket.socket:
        """Return a socket connected to the first address that the proxy can connect to."""
        failure: Exception | None = None
        for address, port in addresses:
            self._guard.judge(address, address)
            try:
                return await proxy.aconnect(through, address, port)
            except ProviderUnreachable as error:
                failure = error
        assert failure is not None  # noqa: S101 - addresses is never empty
        raise failure
