"""Looks names up, so that those that hang keep nobody else waiting.

A look-up in the system's resolver cannot be ended: with a name server that does not answer it
takes a quarter of a minute or more, and a thread for as long.

Rule 1: an owner has a share of the look-ups that run. What is more waits behind its own.
Rule 2: who asks waits no longer than WITHIN, whatever becomes of the look-up.
Rule 3: addresses are remembered unjudged, for seconds; the address guard judges them at each use.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from cachetools import TTLCache

from transport.fair_threads import FairThread, FairThreads
from transport.shares import Owner, current_owner

Lookup: TypeAlias = Callable[[str, int], Sequence[str]]
"""(name, port) -> every address of the name. Blocks; raises OSError when there is none."""

LOOKUPS = 64  # that run at once in a process, each in a thread
WITHIN = 5.0  # seconds
REMEMBERED_FOR = 10.0  # seconds
MOST_REMEMBERED = 10_000  # names


@dataclass(slots=True, eq=False)
class _Asked:
    """One look-up for one owner; all that ask the same meanwhile share it."""

    owner: Owner
    host: str
    port: int
    give_up_at: float  # on the monotonic clock: nobody waits any more
    answer: Future[list[str]] = field(default_factory=Future)


class Resolver:
    """`lookup` is what a look-up calls; `lookups` of it run at once. Times are in seconds."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        lookups: int = LOOKUPS,
        within: float = WITHIN,
        remembered_for: float = REMEMBERED_FOR,
    ) -> None:
        self._lookup = lookup
        self._within = within
        self._threads = FairThreads(lookups)
        self._lock = threading.Lock()
        self._asked: dict[tuple[Owner, str], _Asked] = {}
        self._known: TTLCache[str, list[str]] = TTLCache(MOST_REMEMBERED, remembered_for)

    def addresses(self, host: str, port: int) -> list[str]:
        """Every address of a name. Raises OSError when there is none, or none in time."""
        try:
            return self._ask(host, port).result(self._within)
        except TimeoutError as error:
            raise _late() from error

    async def aaddresses(self, host: str, port: int) -> list[str]:
        """As `addresses`, without blocking the event loop."""
        answer = asyncio.wrap_future(self._ask(host, port))
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(self._within):
                return await asyncio.shield(answer)
        except TimeoutError as error:
            raise _late() from error

    def _ask(self, host: str, port: int) -> Future[list[str]]:
        owner, now = current_owner(), time.monotonic()
        with self._lock:
            if (addresses := self._known.get(host)) is not None:
                known: Future[list[str]] = Future()
                known.set_result(addresses)
                return known
            asked = self._asked.get((owner, host))
            if asked is not None:
                asked.give_up_at = now + self._within
            else:
                new = _Asked(owner, host, port, now + self._within)
                self._asked[owner, host] = new
        if asked is not None:
            self._threads.look_again()
            return asked.answer
        self._threads.start(FairThread(owner, partial(self._run, new)))
        return new.answer

    def _run(self, asked: _Asked) -> None:
        try:
            if time.monotonic() > asked.give_up_at:
                raise _late()
            addresses = list(dict.fromkeys(self._lookup(asked.host, asked.port)))
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            self._end(asked)
            asked.answer.set_exception(error)
            return
        self._end(asked, addresses)
        asked.answer.set_result(addresses)

    def _end(self, asked: _Asked, addresses: list[str] | None = None) -> None:
        with self._lock:
            del self._asked[asked.owner, asked.host]
            if addresses:
                self._known[asked.host] = addresses


def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[4][0]) for address in found]


SYSTEM = Resolver(system_addresses)


def _late() -> socket.gaierror:
    return socket.gaierror(socket.EAI_AGAIN, "the name server did not answer in time")
