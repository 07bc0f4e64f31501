"""One embedded PostgreSQL, shared by all processes that name its folder.

Rule 1: whoever uses the server holds a shared lock on the file `users`. The kernel frees it when
the process ends, however it ends, so that nothing goes stale.
Rule 2: starting, stopping and joining happen under an exclusive lock on the file `lock`.
Rule 3: who leaves tries to turn the shared lock into an exclusive one. Whoever gets it was the
last, and stops the server. If the last one was killed, the server stays up for the next.
Rule 4: a forked child holds a lock of its own: the inherited one belongs to its parent.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from config.postgres.place import EmbeddedPostgresError, Place, find_place

SUPERUSER = "postgres"
START_TIMEOUT = 60  # seconds, recovery after a crash included
STOP_TIMEOUT = 20  # seconds
LOG_LINES_SHOWN = 15

_servers: dict[Path, EmbeddedPostgres] = {}


def embedded_postgres(folder: str | Path) -> EmbeddedPostgres:
    """This process's handle on the server of that folder; it joins at the first use."""
    path = Path(folder).expanduser().absolute()
    if path not in _servers:
        _servers[path] = EmbeddedPostgres(path)
    return _servers[path]


class EmbeddedPostgres:
    """The server of one folder, as one process uses it."""

    def __init__(self, folder: Path) -> None:
        self._place: Place = find_place(folder)
        self._users: int | None = None  # descriptor that holds our shared lock

    @property
    def connection(self) -> dict[str, Any]:
        """The parameters of a connection, except for the database's name."""
        return {"host": str(self._place.sockets), "port": "5432", "user": SUPERUSER}

    @property
    def joined(self) -> bool:
        """Whether this process counts among those that keep the server up."""
        return self._users is not None

    def ensure_running(self, *databases: str) -> None:
        """Starts the server unless it runs, and creates the databases that are missing.

        Raises EmbeddedPostgresError when the server does not start.
        """
        with self._exclusive():
            self._join()
            if not self._answers():
                self._forget_a_recycled_pid()
                self._initialise()
                self._start()
        for database in databases:
            self._create(database)

    def leave(self) -> None:
        """Gives up our use of the server, and stops it when we were the last."""
        if self._users is None:
            return
        users, self._users = self._users, None
        with suppress(OSError), self._exclusive():
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # others use it
            else:
                self._stop()
        os.close(users)

    def after_fork_in_child(self) -> None:
        if self._users is not None:
            inherited, self._users = self._users, None
            self._join()
            os.close(inherited)

    # --- Locks -----------------------------------------------------------------------------------

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        descriptor = os.open(self._place.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _join(self) -> None:
        if self._users is None:
            self._users = os.open(self._place.home / "users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._users, fcntl.LOCK_SH)

    # --- The server ------------------------------------------------------------------------------

    def _answers(self) -> bool:
        try:
            psycopg.connect(**self.connection, dbname=SUPERUSER, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _forget_a_recycled_pid(self) -> None:
        """Removes a postmaster.pid whose number belongs to another program by now.

        A dead number is left to PostgreSQL, which checks more than the number.
        """
        note = self._place.data / "postmaster.pid"
        try:
            pid = int(note.read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            is_server = process.name() == "postgres" and Path(process.cwd()) == self._place.data
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return
        except psutil.AccessDenied:
            is_server = False
        if not is_server:
            self._wait_for_orphans()
            note.unlink(missing_ok=True)

    def _wait_for_orphans(self) -> None:
        """Children of a killed server end by themselves; the files are theirs until then."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            for process in psutil.process_iter(["name"]):
                with suppress(psutil.Error):
                    if (
                        process.info["name"] == "postgres"
                        and Path(process.cwd()) == self._place.data
                    ):
                        break
            else:
                return
            time.sleep(0.1)
        raise EmbeddedPostgresError(
            f"processes of a killed PostgreSQL still use {self._place.data}; end them and try again"
        )

    def _initialise(self) -> None:
        """Makes the cluster beside its place and renames it: half a cluster is never used."""
        if (self._place.data / "PG_VERSION").exists():
            return
        for leftover in self._place.home.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self._place.home))
        if self._place.user is not None:
            os.chown(new, self._place.user.uid, self._place.user.gid)
        self._run(
            "initdb", "--pgdata", str(new), "--username", SUPERUSER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin",
            "--builtin-locale", "C.UTF-8", timeout=START_TIMEOUT,
        )  # fmt: skip
        shutil.rmtree(self._place.data, ignore_errors=True)
        new.rename(self._place.data)

    def _start(self) -> None:
        self._run(
            "pg_ctl", "start", "--wait", "--timeout", str(START_TIMEOUT),
            "--pgdata", str(self._place.data), "--log", str(self._place.log),
            "--options", self._options(), timeout=START_TIMEOUT + 10,
        )  # fmt: skip

    def _options(self) -> str:
        settings = {
            "listen_addresses": "",  # the socket alone, in a folder that only its owner enters
            "unix_socket_directories": str(self._place.sockets),
            "max_connections": "200",
        }
        if (
            os.environ.get("EMBEDDED_POSTGRES_FSYNC") == "off"
        ):  # tests: survives kill -9, not a power cut
            settings |= {"fsync": "off", "full_page_writes": "off"}
        if not os.access("/dev/shm", os.W_OK):  # noqa: S108 - asked for, not used
            settings["dynamic_shared_memory_type"] = "mmap"
        return " ".join(f'-c {name}="{value}"' for name, value in settings.items())

    def _stop(self) -> None:
        with suppress(EmbeddedPostgresError):  # it is not running any more
            self._run(
                "pg_ctl", "stop", "--wait", "--mode", "fast", "--timeout", str(STOP_TIMEOUT),
                "--pgdata", str(self._place.data), timeout=STOP_TIMEOUT + 10,
            )  # fmt: skip

    def _create(self, database: str) -> None:
        with psycopg.connect(**self.connection, dbname=SUPERUSER, autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [database]
            ).fetchone()
            if found is None:
                with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute(
                        sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database))
                    )

    def _run(self, program: str, *arguments: str, timeout: float) -> None:
        user = self._place.user
        command = [str(self._place.binaries / program), *arguments]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        try:
            # Output goes to a file: the server inherits it, and a pipe would never end.
            with tempfile.TemporaryFile() as output:
                done = subprocess.run(  # noqa: S603 - our own programs
                    command, cwd="/", env=environment, timeout=timeout, check=False,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    user=None if user is None else user.uid,
                    group=None if user is None else user.gid,
                    extra_groups=None if user is None else [],
                )  # fmt: skip
                output.seek(0)
                printed = output.read().decode("utf-8", "replace")
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EmbeddedPostgresError(f"{program} did not run: {error}") from error
        if done.returncode:
            raise EmbeddedPostgresError(
                f"{program} failed: {printed.strip()}\n{self._end_of_log()}\n"
                "Mend that, set EMBEDDED_POSTGRES_DIR to another folder, or set DATABASE_URL to a "
                "PostgreSQL of your own."
            )

    def _end_of_log(self) -> str:
        try:
            lines = self._place.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join([f"{self._place.log} ends:", *lines[-LOG_LINES_SHOWN:]])


def _leave_all() -> None:
    for server in _servers.values():
        server.leave()


def _after_fork_in_child() -> None:
    for server in _servers.values():
        server.after_fork_in_child()


atexit.register(_leave_all)
os.register_at_fork(after_in_child=_after_fork_in_child)
