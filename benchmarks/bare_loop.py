"""The measure of all ratios: an asyncio loop that makes HTTP calls with aiohttp, nothing else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import aiohttp


@dataclass(frozen=True, slots=True)
class Speed:
    """Calls a second, and CPU milliseconds of this process a call."""

    per_second: float
    cpu_ms: float


async def _calls(
    method: str, url: str, calls: int, in_flight: int, headers: dict[str, str], body: bytes | None
) -> None:
    remaining = iter(range(calls))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def caller() -> None:
            for _ in remaining:
                async with session.request(method, url, headers=headers, data=body) as response:
                    await response.read()

        await asyncio.gather(*(caller() for _ in range(in_flight)))


def measure(
    method: str,
    url: str,
    *,
    calls: int,
    in_flight: int,
    headers: dict[str, str],
    body: bytes | None = None,
) -> Speed:
    began, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_calls(method, url, calls, in_flight, headers, body))
    seconds = time.perf_counter() - began
    return Speed(calls / seconds, (time.process_time() - cpu) / calls * 1000)
