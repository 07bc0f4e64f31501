"""Running the Gmail sandbox: in this process until a signal comes, or in a thread beside a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

from aiohttp import web

from integrations.sandbox import server
from integrations.sandbox.server import Beside, Place, WillNotRunError

from .app import create_app
from .control_client import SandboxControl
from .stand_in import open_stand_in

__all__ = ["Options", "SandboxServer", "WillNotRunError", "run"]
NAME = "Gmail sandbox"


@dataclass(frozen=True)
class Options:
    """How to run. `port` 0 takes a free one; `state` is a file or `:memory:`."""

    host: str = "127.0.0.1"
    port: int = 0
    state: str = ":memory:"
    seed: str | None = None
    empty: bool = False
    open_registration: bool = False
    push_to: str = ""  # where notices of watched mailboxes go from the start


@contextmanager
def _opened(options: Options) -> Iterator[web.Application]:
    """Raises store.StateUnusableError."""
    stand_in = open_stand_in(
        options.state,
        seed=options.seed,
        empty=options.empty,
        open_registration=options.open_registration,
    )
    stand_in.pusher.subscription.url = options.push_to
    try:
        yield create_app(stand_in)
    finally:
        stand_in.store.close()


def run(options: Options, listening: Callable[[str], None]) -> None:
    """Serve in this thread until SIGINT or SIGTERM.

    Raises WillNotRunError, store.StateUnusableError, and OSError when the port is taken.
    """
    server.run(Place(NAME, options.host, options.port), partial(_opened, options), listening)


class SandboxServer(Beside):
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
        options = Options("127.0.0.1", port, state, seed, empty, open_registration)
        super().__init__(Place(NAME, options.host, port), partial(_opened, options))

    @cached_property
    def control(self) -> SandboxControl:
        """A client of the control API."""
        return SandboxControl(self.url)
