"""Running a sandbox: in this process until a signal comes, or in a thread beside a test."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

START_TIMEOUT = 20.0  # seconds that a thread may take to listen
GRACE = 0.2  # seconds that requests under way have at the end
Opened = Callable[[], AbstractContextManager[web.Application]]


class WillNotRunError(Exception):
    """The sandbox refuses to start here, for the reason given."""


@dataclass(frozen=True)
class Place:
    """Where the sandbox called `name` listens. `port` 0 takes a free one."""

    name: str
    host: str = "127.0.0.1"
    port: int = 0

    def check(self) -> None:
        """Raises WillNotRunError off loopback and in production."""
        if os.environ.get("PERIODIC_ENV", "").strip().lower() == "production":
            raise WillNotRunError(f"The {self.name} never runs with PERIODIC_ENV=production.")
        if not _is_loopback(self.host):
            raise WillNotRunError(
                f"--host {self.host} is not a loopback address: the {self.name} gives tokens to "
                "anybody and binds to 127.0.0.1, ::1 or localhost only."
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def serve(
    place: Place, opened: Opened, stop: asyncio.Event, listening: Callable[[str], None]
) -> None:
    """Serve what is `opened` until `stop` is set; `listening` is told the URL.

    Raises WillNotRunError, what opening raises, and OSError when the port is taken.
    """
    place.check()
    with opened() as app:
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=GRACE, handler_cancellation=True
        )
        try:
            await runner.setup()
            site = web.TCPSite(runner, place.host, place.port, reuse_address=True)
            await site.start()
            listening(_url(runner.addresses[0]))
            await stop.wait()
        finally:
            await runner.cleanup()


def _url(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = address[0], address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(place: Place, opened: Opened, listening: Callable[[str], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM. Raises as `serve` does."""

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await serve(place, opened, stop, listening)

    asyncio.run(until_signalled())


class Beside:
    """A sandbox in a thread of its own: `with Beside(place, opened) as sandbox: …`.

    `url` is where it listens.
    """

    def __init__(self, place: Place, opened: Opened) -> None:
        self._place = place
        self._opened = opened
        self._thread = threading.Thread(target=self._run, name=place.name, daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self.url = ""

    def start(self) -> Self:
        """Start and wait until it listens. Raises what kept it from starting."""
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT):
            raise TimeoutError("the sandbox didn't start in time")
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop and wait until the port is free again."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 handed to the thread that waits in start()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await serve(self._place, self._opened, self._stop, self._listening)

    def _listening(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
