"""The measure of all ratios: an asyncio loop that makes HTTP calls with aiohttp, nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

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


def measure(*requests: BareRequest, calls: int, in_flight: int) -> Speed:
    """Make `requests`, one after the other, `calls` times; all of them together are one call."""
    return _measure(repeat(requests, calls), calls, in_flight)


def measure_each(requests: Sequence[BareRequest], *, in_flight: int) -> Speed:
    """Make each of the requests once; each is a call."""
    return _measure(((one,) for one in requests), len(requests), in_flight)


def _measure(rounds: Iterator[Sequence[BareRequest]], calls: int, in_flight: int) -> Speed:
    """Raises aiohttp's error for an answer that is none of success: the figures would be void."""
    began, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_make(rounds, in_flight))
    seconds = time.perf_counter() - began
    return Speed(calls / seconds, (time.process_time() - cpu) / calls * 1000)


async def _make(rounds: Iterator[Sequence[BareRequest]], in_flight: int) -> None:
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, raise_for_status=True) as session:

        async def caller() -> None:
            for requests in rounds:
                for request in requests:
                    async with session.request(
                        request.method, request.url, headers=request.headers, data=request.body
                    ) as response:
                        await response.read()

        await asyncio.gather(*(caller() for _ in range(in_flight)))
