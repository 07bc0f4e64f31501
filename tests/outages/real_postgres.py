"""A PostgreSQL of a test's own, on a port, that is ended and begun as the test says.

Nobody else begins it again, as it is where DATABASE_URL names a server.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.postgres.place import Place, find_place

NAME = "periodic"
SUPERUSER = "postgres"
END_WITHIN = 60.0  # seconds


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def open_folder() -> Iterator[Path]:
    """A new folder that PostgreSQL's own user can enter, as pytest's cannot be."""
    folder = Path(tempfile.mkdtemp(prefix="periodic-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Server:
    """Where PostgreSQL is, and which of its databases is meant."""

    host: str
    port: int
    user: str
    name: str


class RealPostgres:
    """The server whose data is in `folder`; `port` stays the same over restarts.

    It listens on 127.0.0.1, and on `beside`, whose neighbours it trusts as well.
    """

    def __init__(self, folder: Path, port: int, beside: str | None = None) -> None:
        self._place: Place = find_place(folder)
        self.port = port
        self._beside = beside

    @property
    def data(self) -> Path:
        return self._place.data

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{NAME}"

    @property
    def server(self) -> Server:
        return Server("127.0.0.1", self.port, SUPERUSER, NAME)

    def make(self) -> None:
        """Make an empty database, and begin."""
        self.run(
            "initdb", "--pgdata", str(self.data), "--username", SUPERUSER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions",
        )  # fmt: skip
        if self._beside is not None:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {self._beside}/24 trust\n")
        self.begin()
        with self.connect("postgres") as connection:
            connection.execute(f"CREATE DATABASE {NAME}")

    def begin(self) -> None:
        """Return once it takes connections."""
        addresses = ",".join(filter(None, ("127.0.0.1", self._beside)))
        options = (
            f"-c listen_addresses={addresses} -c port={self.port} -c fsync=off"
            f" -c max_connections=150 -c unix_socket_directories="
        )
        self.run(
            "pg_ctl", "start", "--wait", "--pgdata", str(self.data),
            "--log", str(self._place.log), "--options", options,
        )  # fmt: skip

    def begin_if_ended(self) -> None:
        """PostgreSQL ends itself where it cannot write its log for a full disk."""
        try:
            if self.postmaster().is_running():
                return
        except (FileNotFoundError, psutil.NoSuchProcess):
            pass
        self.begin()

    def end(self, number: int = signal.SIGINT) -> None:
        """Send a signal to the postmaster and wait for its end. SIGINT is a fast shutdown, SIGQUIT
        an immediate one: https://www.postgresql.org/docs/current/server-shutdown.html"""
        postmaster = self.postmaster()
        postmaster.send_signal(number)
        postmaster.wait(END_WITHIN)

    def end_sessions(self) -> None:
        with self.connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = %s",
                [NAME],
            )

    def kill_one_backend(self) -> None:
        """PostgreSQL takes it for a crash: it ends all others, and recovers from its log."""
        for child in self.postmaster().children():
            if NAME in " ".join(child.cmdline()):
                child.kill()
                return

    def set_for_everybody(self, setting: str) -> None:
        """Write a line of the configuration, and end all sessions so that it counts."""
        with self.connect("postgres") as connection:
            connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        self.end_sessions()

    def processes(self) -> list[psutil.Process]:
        postmaster = self.postmaster()
        return [postmaster, *postmaster.children()]

    def postmaster(self) -> psutil.Process:
        note = (self.data / "postmaster.pid").read_text()
        return psutil.Process(int(note.split("\n", 1)[0]))

    def connect(self, name: str = NAME) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=SUPERUSER, dbname=name, autocommit=True
        )

    def run(self, program: str, *arguments: str) -> None:
        user = self._place.user
        done = subprocess.run(
            [str(self._place.binaries / program), *arguments],
            cwd="/", env={"PATH": os.defpath, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, check=False, timeout=END_WITHIN,
            user=None if user is None else user.uid, group=None if user is None else user.gid,
            extra_groups=None if user is None else [],
        )  # fmt: skip
        assert done.returncode == 0, f"{program} {arguments} failed"


@contextmanager
def real_postgres(folder: Path, beside: str | None = None) -> Iterator[RealPostgres]:
    """A new server, ended and removed afterwards."""
    server = RealPostgres(folder, free_port(), beside)
    try:
        server.make()
        yield server
    finally:
        try:
            for process in reversed(server.processes()):
                process.kill()
        except (FileNotFoundError, psutil.NoSuchProcess):
            pass
        shutil.rmtree(folder, ignore_errors=True)
