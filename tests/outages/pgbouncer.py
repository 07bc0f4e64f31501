"""A real PgBouncer between a test's processes and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.services import require

SESSIONS = 4  # that PostgreSQL lends in transaction mode; fewer than the tests have clients
CONFIGURATION = """
[databases]
* = host={sockets} port={server_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
"""


@contextmanager
def pgbouncer(mode: str) -> Iterator[str]:
    """Run one in pool_mode `session` or `transaction`; gives DATABASE_URL of this test's database.

    Skips the test without the program; see `tests.services`.
    """
    program = require("pgbouncer")
    server = connection.get_connection_params()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    owner = Path(server["host"]).stat()  # whoever may reach the server's socket
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        CONFIGURATION.format(
            sockets=server["host"], server_port=server["port"], user=server["user"],
            port=port, mode=mode, size=SESSIONS if mode == "transaction" else 100,
        )
    )  # fmt: skip
    folder.chmod(0o755)
    as_root = os.geteuid() == 0  # whom PgBouncer refuses
    process = subprocess.Popen(
        [program, "-q", str(settings)],
        user=owner.st_uid if as_root else None, group=owner.st_gid if as_root else None,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait_for(process, port)
        name = connection.settings_dict["NAME"]
        yield f"postgresql://{server['user']}@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


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
