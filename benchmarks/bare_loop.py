"""The measure of all ratios: an asyncio loop that makes HTTP calls with aiohttp, nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp


@dataclass(frozen=True, slots=True)
class Speed:
    """Calls a second, and CPU milliseconds of this process a call."""

    per_second: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class BareRequest:
    """One request, always the same."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


async def _calls(requests: Sequence[BareRequest], calls: int, in_flight: int) -> None:
    remaining = iter(range(calls))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def caller() -> None:
            for _ in remaining:
                for request in requests:
                    async with session.request(
                        request.method, request.url, headers=request.headers, data=request.body
                    ) as response:
                        await response.read()

        await asyncio.gather(*(caller() for _ in range(in_flight)))


def measure(*requests: BareRequest, calls: int, in_flight: int) -> Speed:
    """Make `requests`, one after the other, `calls` times; all of them together are one call."""
    began, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_calls(requests, calls, in_flight))
    seconds = time.perf_counter() - began
    return Speed(calls / seconds, (time.process_time() - cpu) / calls * 1000)
