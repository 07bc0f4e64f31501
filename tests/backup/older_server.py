"""A server of the operating system's PostgreSQL, older than the one that comes along."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
USER = "postgres"


@dataclass(frozen=True, slots=True)
class OlderServer:
    """Its folder holds the data and the socket."""

    folder: Path

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[OlderServer]:
        if not PROGRAMS.exists():
            pytest.skip("PostgreSQL 15 is not installed: apt-get install postgresql-15")
        folder = Path(tempfile.mkdtemp(prefix="pg15-"))
        server = cls(folder)
        try:
            if os.geteuid() == 0:
                entry = pwd.getpwnam(USER)
                os.chown(folder, entry.pw_uid, entry.pw_gid)
            server.run("initdb", "-D", str(server.data), "-U", USER, "-A", "trust", "--no-sync")
            options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
            log = str(folder / "log")
            server.run("pg_ctl", "start", "-w", "-D", str(server.data), "-l", log, "-o", options)
            yield server
        finally:
            server.run("pg_ctl", "stop", "-m", "immediate", "-D", str(server.data), check=False)
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, program: str, *arguments: str, check: bool = True) -> None:
        """Output is dropped: the server inherits it, and a pipe would never end."""
        subprocess.run(
            [str(PROGRAMS / program), *arguments],
            cwd="/", check=check, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            user=USER if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
        )  # fmt: skip

    def new_database(self, name: str) -> str:
        """Makes an empty database; its URL."""
        with psycopg.connect(host=str(self.folder), user=USER, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://{USER}@/{name}?host={quote(str(self.folder), safe='')}"
