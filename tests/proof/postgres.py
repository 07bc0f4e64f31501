"""The long proof's own PostgreSQL, and what happens to it while workers are at work.

Nobody here starts it again: the next who wants a connection does, as in production.
"""

from __future__ import annotations

import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg

from config.postgres.server import EmbeddedPostgres, embedded_postgres

NAME = "periodic"
LONGEST_END = 60.0  # seconds


class Postgres:
    """The embedded server in a folder, as it stands there."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self._server: EmbeddedPostgres = embedded_postgres(folder)
        self._dice = dice

    def make_empty(self) -> None:
        """Starts it, without what an earlier proof has left behind."""
        self._server.ensure_running()
        with psycopg.connect(
            **self._server.connection, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        self._server.ensure_running(NAME)

    def disturb(self) -> str:
        """Ends the server in one of four ways, and says in which; returns once it is done."""
        ways = {
            "fast shutdown": self._shut_down,
            "immediate shutdown": self._stop_at_once,
            "server killed with -9": self._kill,
            "one of its processes killed with -9": self._kill_one,
        }
        name = self._dice.choice(list(ways))
        ways[name]()
        return name

    def _shut_down(self) -> None:
        self._end(signal.SIGINT)  # https://www.postgresql.org/docs/current/server-shutdown.html

    def _stop_at_once(self) -> None:
        self._end(signal.SIGQUIT)

    def _kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        postmaster = self._postmaster()
        postmaster.send_signal(number)
        with suppress(psutil.TimeoutExpired):
            postmaster.wait(LONGEST_END)

    def _kill_one(self) -> None:
        """PostgreSQL takes it for a crash: it ends all others, and recovers from its log."""
        for child in self._postmaster().children():
            with suppress(psutil.Error):
                if "periodic" in " ".join(child.cmdline()):
                    child.kill()
                    time.sleep(0.2)
                    return

    def _postmaster(self) -> psutil.Process:
        note = (self._server._place.data / "postmaster.pid").read_text()
        return psutil.Process(int(note.split("\n", 1)[0]))
