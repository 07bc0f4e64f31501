"""A host's own link to PostgreSQL, which a trial cuts: a network namespace and a virtual cable.

What is cut sends nothing, no RST either: both ends find out by themselves, as where a switch or a
machine fails. The host's ways to everything else stay, so it can go on sending what it has claimed.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from tests.debian_programs import find
from tests.outages.forwarder import Forwarder
from tests.outages.real_postgres import NAME, SUPERUSER, RealPostgres

T = TypeVar("T")
CLONE_NEWNET = 0x4000_0000  # linux/sched.h


class CutLink:
    """`before` stands before the command of a process that is to run behind the link."""

    def __init__(self, ip: str, name: str, network: str) -> None:
        self._ip = ip
        self._name = name
        self.server = f"{network}.1"
        self.host = f"{network}.2"
        self.before = [ip, "netns", "exec", name]

    def lay(self, stack: ExitStack) -> None:
        """Make the namespace and the link. Raises CalledProcessError where that is not allowed."""
        # A bridge's address stays when its only cable has no other end any more, so PostgreSQL
        # hears nothing but silence.
        self._run("netns", "add", self._name)
        stack.callback(self._run, "netns", "delete", self._name)
        self._run("link", "add", f"{self._name}b", "type", "bridge")
        stack.callback(self._run, "link", "delete", f"{self._name}b")
        cable = f"{self._name}c"
        self._run("link", "add", cable, "type", "veth", "peer", "name", "database",
                  "netns", self._name)  # fmt: skip
        self._run("link", "set", cable, "master", f"{self._name}b", "up")
        self._run("address", "add", f"{self.server}/24", "dev", f"{self._name}b")
        self._run("link", "set", f"{self._name}b", "up")
        for link in ("lo", "database"):
            self._run("-n", self._name, "link", "set", link, "up")
        self._run("-n", self._name, "address", "add", f"{self.host}/24", "dev", "database")

    def reach(self, port: int, stack: ExitStack) -> None:
        """Let what is behind the link reach this machine's 127.0.0.1:port at the same address."""
        listener = self.behind(lambda: socket.create_server(("127.0.0.1", port), backlog=200))
        there = Forwarder(listener, lambda: socket.create_connection(("127.0.0.1", port)))
        stack.callback(there.close)

    def cut(self) -> None:
        self._run("link", "set", f"{self._name}c", "down")

    def mend(self) -> None:
        self._run("link", "set", f"{self._name}c", "up")

    def url(self, postgres: RealPostgres) -> str:
        """Return DATABASE_URL for what is behind the link."""
        return f"postgresql://{SUPERUSER}@{self.server}:{postgres.port}/{NAME}"

    def sessions(self, connection: psycopg.Connection[Any]) -> int:
        """Return how many sessions PostgreSQL has for what is behind the link."""
        [(number,)] = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE client_addr = %s::inet", [self.host]
        )
        return int(number)

    def _run(self, *arguments: str) -> None:
        subprocess.run([self._ip, *arguments], check=True, capture_output=True)

    def behind(self, make: Callable[[], T]) -> T:
        """Return what `make` returns behind the link. A socket stays where it was made."""

        def enter_and_make() -> T:
            with Path("/run/netns", self._name).open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "the network cannot be entered")
            return make()

        with ThreadPoolExecutor(1) as thread:  # the thread alone enters, and ends there
            return thread.submit(enter_and_make).result()


@contextmanager
def cut_link() -> Iterator[CutLink | None]:
    """A new link; None where this machine allows none, which takes root and Debian's iproute2."""
    number = os.getpid()
    link = CutLink(find("ip") or "ip", f"per{number}", f"10.231.{number % 256}")
    with ExitStack() as stack:
        yield link if _laid(link, stack) else None


def _laid(link: CutLink, stack: ExitStack) -> bool:
    try:
        link.lay(stack)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
