"""A real PgBouncer between a test's processes and PostgreSQL."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.debian_programs import require
from tests.outages.real_postgres import Server, free_port, open_folder

SESSIONS = 4  # that PostgreSQL lends in transaction mode; fewer than the tests have clients
CONFIGURATION = """
[databases]
* = host={host} port={server_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
server_login_retry = 2
"""


class PgBouncer:
    """The process; `port` stays the same over restarts. `owner` is whose file system's user it is,
    since it refuses to be root."""

    def __init__(self, folder: Path, owner: os.stat_result, mode: str, server: Server) -> None:
        """Skips the test without the program; see `tests.debian_programs`."""
        self._program = require("pgbouncer")
        self._settings = folder / "pgbouncer.ini"
        self._owner = owner
        self._server = server
        self.port = free_port()
        self._settings.write_text(
            CONFIGURATION.format(
                host=server.host, server_port=server.port, user=server.user, port=self.port,
                mode=mode, size=SESSIONS if mode == "transaction" else 100,
            )
        )  # fmt: skip

    @property
    def url(self) -> str:
        """DATABASE_URL of the server's database by way of it."""
        return f"postgresql://{self._server.user}@127.0.0.1:{self.port}/{self._server.name}"

    def begin(self) -> None:
        """Return once it takes connections."""
        as_root = os.geteuid() == 0
        self._process = subprocess.Popen(
            [self._program, "-q", str(self._settings)],
            user=self._owner.st_uid if as_root else None,
            group=self._owner.st_gid if as_root else None,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _wait_for(self._process, self.port)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(30)


@contextmanager
def running_pgbouncer(mode: str, server: Server, owner: os.stat_result) -> Iterator[PgBouncer]:
    """Run one in pool_mode `session` or `transaction`, killed afterwards."""
    with open_folder() as folder:
        folder.chmod(0o755)
        pooler = PgBouncer(folder, owner, mode, server)
        pooler.begin()
        try:
            yield pooler
        finally:
            pooler.kill()


@contextmanager
def pgbouncer(mode: str) -> Iterator[str]:
    """The same before this test's database; gives DATABASE_URL."""
    given = connection.get_connection_params()
    server = Server(given["host"], given["port"], given["user"], connection.settings_dict["NAME"])
    owner = Path(server.host).stat()  # whoever may reach the server's socket
    with running_pgbouncer(mode, server, owner) as pooler:
        yield pooler.url


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail("PgBouncer did not start")
            time.sleep(0.05)
