"""Running the sandbox: in this process until a signal comes, or in a thread beside a test."""

import asyncio
import ipaddress
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType

from aiohttp import web

from .app import create_app
from .control_client import SandboxControl
from .stand_in import open_stand_in

START_TIMEOUT = 20.0  # seconds that a thread may take to listen
GRACE = 0.2  # seconds that requests under way have at the end


class WillNotRunError(Exception):
    """The sandbox refuses to start here, for the reason given."""


@dataclass(frozen=True)
class Options:
    """How to run. `port` 0 takes a free one; `state` is a file or `:memory:`."""

    host: str = "127.0.0.1"
    port: int = 0
    state: str = ":memory:"
    seed: str | None = None
    empty: bool = False
    open_registration: bool = False

    def check(self) -> None:
        """Raises WillNotRunError off loopback and in production."""
        if os.environ.get("PERIODIC_ENV", "").strip().lower() == "production":
            raise WillNotRunError("The Gmail sandbox never runs with PERIODIC_ENV=production.")
        if not _is_loopback(self.host):
            raise WillNotRunError(
                f"--host {self.host} is not a loopback address: the Gmail sandbox gives tokens to "
                "anybody and binds to 127.0.0.1, ::1 or localhost only."
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def serve(options: Options, stop: asyncio.Event, listening: Callable[[str], None]) -> None:
    """Serve until `stop` is set; `listening` is told the URL.

    Raises WillNotRunError, store.StateUnusableError, and OSError when the port is taken.
    """
    options.check()
    stand_in = open_stand_in(
        options.state,
        seed=options.seed,
        empty=options.empty,
        open_registration=options.open_registration,
    )
    runner = web.AppRunner(
        create_app(stand_in), access_log=None, shutdown_timeout=GRACE, handler_cancellation=True
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, options.host, options.port, reuse_address=True)
        await site.start()
        listening(_url(runner.addresses[0]))
        await stop.wait()
    finally:
        stand_in.faults.stop()
        await runner.cleanup()
        stand_in.store.close()


def _url(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = address[0], address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(options: Options, listening: Callable[[str], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM. Raises as `serve` does."""

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await serve(options, stop, listening)

    asyncio.run(until_signalled())


class SandboxServer:
    """The sandbox in a thread of its own, on a free port: `with SandboxServer() as sandbox: …`.

    `url` is where it listens, `control` speaks its control API.
    """

    def __init__(
        self,
        *,
        state: str = ":memory:",
        seed: str | None = "tests",
        empty: bool = False,
        open_registration: bool = False,
        port: int = 0,
    ) -> None:
        self._options = Options("127.0.0.1", port, state, seed, empty, open_registration)
        self._thread = threading.Thread(target=self._run, name="gmail-sandbox", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self.url = ""

    @cached_property
    def control(self) -> SandboxControl:
        """A client of the control API."""
        return SandboxControl(self.url)

    def start(self) -> "SandboxServer":
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
        await serve(self._options, self._stop, self._listening)

    def _listening(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def __enter__(self) -> "SandboxServer":
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
