"""A PostgreSQL with a standby that confirms each commit, as docs/backup.md sets one up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.outages.real_postgres import NAME, SUPERUSER, RealPostgres, free_port


class PostgresWithStandby(RealPostgres):
    """Both servers are in DATABASE_URL; the one that takes writes is meant."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "primary", free_port())
        self.standby = RealPostgres(folder / "standby", free_port())

    @property
    def url(self) -> str:
        hosts = f"127.0.0.1:{self.port},127.0.0.1:{self.standby.port}"
        return f"postgresql://{SUPERUSER}@{hosts}/{NAME}?target_session_attrs=read-write"

    def connect(self, name: str = NAME) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url, dbname=name, autocommit=True)

    def make(self) -> None:
        super().make()
        self.run(
            "pg_basebackup", "--pgdata", str(self.standby.data), "--write-recovery-conf",
            "--checkpoint", "fast", "--no-sync", "--host", "127.0.0.1", "--port", str(self.port),
            "--username", SUPERUSER,
        )  # fmt: skip
        self.standby.begin()
        # From here on no commit is confirmed that the standby does not have.
        self.set_for_everybody("synchronous_standby_names = '*'")

    def lose_primary(self) -> None:
        """Kill all of it with -9, as if its machine had lost its power."""
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue

    def promote(self) -> None:
        """Make the standby take writes."""
        self.standby.run("pg_ctl", "promote", "--wait", "--pgdata", str(self.standby.data))


@contextmanager
def postgres_with_standby(folder: Path) -> Iterator[PostgresWithStandby]:
    """Two new servers, ended and removed afterwards."""
    pair = PostgresWithStandby(folder)
    try:
        pair.make()
        yield pair
    finally:
        for server in (pair, pair.standby):
            try:
                for process in reversed(server.processes()):
                    process.kill()
            except (FileNotFoundError, psutil.NoSuchProcess):
                continue
        shutil.rmtree(folder, ignore_errors=True)
