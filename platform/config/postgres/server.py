"""One embedded PostgreSQL, shared by all processes that name its folder.

Rule 1: whoever uses the server holds a shared lock on the file `users`. The kernel frees it when
the process ends, however it ends, so that nothing goes stale.
Rule 2: starting, stopping and joining happen under an exclusive lock on the file `lock`.
Rule 3: who leaves tries to turn the shared lock into an exclusive one. Whoever gets it was the
last, and stops the server. If the last one was killed, the server stays up for the next.
Rule 4: a forked child holds a lock of its own: the inherited one belongs to its parent.
Rule 5: a thread waits on `_mutex` (file locks don't part threads), so that a process has one
handle and one lock.
"""

from __future__ import annotations

import atexit
import fcntl
import multiprocessing.util
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from psycopg.pq import PGconn, Ping

from config.postgres.place import SOCKET_NAME, EmbeddedPostgresError, Place, find_place

SUPERUSER = "postgres"
START_TIMEOUT = 60  # seconds, recovery after a crash included
STOP_TIMEOUT = 20  # seconds
LOG_LINES_SHOWN = 15
LARGEST_LOG = 10_000_000  # bytes; a larger one is put aside at the next start
ROOM_FOR_SHARED_MEMORY = 256 * 1024 * 1024  # bytes; containers often have 64 MB

_servers: dict[Path, EmbeddedPostgres] = {}
_mutex = threading.RLock()


def embedded_postgres(folder: str | Path) -> EmbeddedPostgres:
    """This process's handle on the server of that folder; it joins at the first use."""
    path = Path(folder).expanduser().absolute()
    with _mutex:
        if path not in _servers:
            _servers[path] = EmbeddedPostgres(path)
        return _servers[path]


def stop_unused(folder: str | Path) -> None:
    """Stops the server of that folder when nobody uses it: its last user may have been killed."""
    server = EmbeddedPostgres(Path(folder).expanduser().absolute())
    server._join()
    server.leave()


class EmbeddedPostgres:
    """The server of one folder, as one process uses it."""

    def __init__(self, folder: Path) -> None:
        self._place: Place = find_place(folder)
        self._users: int | None = None  # descriptor that holds our shared lock
        self._joined = False

    @property
    def connection(self) -> dict[str, Any]:
        """The parameters of a connection, except for the database's name."""
        return {"host": str(self._place.sockets), "port": "5432", "user": SUPERUSER}

    @property
    def joined(self) -> bool:
        """Whether this process keeps the server up, and has seen it run."""
        return self._joined

    def ensure_running(self, *databases: str) -> None:
        """Starts the server unless it runs, and creates the databases that are missing.

        Raises EmbeddedPostgresError when the server does not start.
        """
        with _mutex:
            with self._exclusive():
                self._join()
                self._bring_up()
            for database in databases:
                self._create(database)
            self._joined = True

    def leave(self) -> None:
        """Gives up our use of the server, and stops it when we were the last."""
        if self._users is None:
            return
        users, self._users = self._users, None
        self._joined = False
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
            self._joined = False  # the server may be stopped before the child needs it
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

    def _bring_up(self) -> None:
        """Returns once the server takes connections; starts it if there is none.

        A server that is full answers too: PostgreSQL's ping tells that from one that is gone,
        and from one that is starting up or shutting down, which is waited for.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while (answer := self._ping()) != Ping.OK:
            if answer == Ping.NO_RESPONSE and not self._is_alive():
                self._initialise()
                self._start()
                return
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"the PostgreSQL that runs on {self._place.data} took no connection for "
                    f"{START_TIMEOUT} s. {self._end_of_log()}"
                )
            time.sleep(0.05)

    def _ping(self) -> int:
        address = psycopg.conninfo.make_conninfo("", **self.connection, dbname=SUPERUSER)
        return PGconn.ping(f"{address} connect_timeout=5".encode())

    def _is_alive(self) -> bool:
        """Whether the server whose number stands in postmaster.pid is there.

        Removes the file, and the socket's, when it isn't: PostgreSQL refuses to start while any
        process has that number, be it another program or a dead server that nobody reaps (as in a
        container).
        """
        note = self._place.data / "postmaster.pid"
        try:
            process = psutil.Process(int(note.read_text().split("\n", 1)[0]))
            if process.name() == "postgres" and Path(process.cwd()) == self._place.data:
                return True
        except (FileNotFoundError, ValueError, psutil.Error):
            pass
        self._wait_for_orphans()
        note.unlink(missing_ok=True)
        (self._place.sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        return False

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
            self._require_same_version()
            return
        for leftover in self._place.home.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self._place.home))
        if self._place.user is not None:
            os.chown(new, self._place.user.uid, self._place.user.gid)
        self._run(
            "initdb", "--pgdata", str(new), "--username", SUPERUSER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin",
            "--builtin-locale", "C.UTF-8", *(() if self._durable() else ("--no-sync",)),
            timeout=START_TIMEOUT,
        )  # fmt: skip
        shutil.rmtree(self._place.data, ignore_errors=True)
        new.rename(self._place.data)

    def _require_same_version(self) -> None:
        """Raises EmbeddedPostgresError for data of another major version: no server of ours reads
        them, and a new cluster in their place would look as if everything were lost."""
        theirs = (self._place.data / "PG_VERSION").read_text().strip()
        done = subprocess.run(  # noqa: S603 - our own program
            [str(self._place.binaries / "postgres"), "--version"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        ours = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
        if ours is not None and ours[1] != theirs:
            raise EmbeddedPostgresError(
                f"the data in {self._place.data} are of PostgreSQL {theirs}, and this version of "
                f"Periodic brings PostgreSQL {ours[1]}. Carry them over with two commands: "
                "`manage.py backup FILE` with the version of Periodic that ran until now, and, "
                "with EMBEDDED_POSTGRES_DIR set to a new folder, `manage.py restore FILE` with "
                "this one."
            )

    def _start(self) -> None:
        with suppress(FileNotFoundError):
            if self._place.log.stat().st_size > LARGEST_LOG:
                self._place.log.replace(self._place.log.with_name("log.old"))
        self._run(
            "pg_ctl", "start", "--wait", "--timeout", str(START_TIMEOUT),
            "--pgdata", str(self._place.data), "--log", str(self._place.log),
            "--options", self._options(), timeout=START_TIMEOUT + 10,
        )  # fmt: skip

    def _options(self) -> str:
        sockets = str(self._place.sockets).replace('"', '""')
        settings = {
            "listen_addresses": "",  # the socket alone, in a folder that only its owner enters
            "unix_socket_directories": f'"{sockets}"',  # a list: quoted for the sake of commas
            "max_connections": "200",
            # Errors reach the client; with their statements the log would hold what users wrote.
            "log_min_messages": "log",
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "log_checkpoints": "off",
        }
        if not self._durable():  # survives kill -9, not a power cut
            settings |= {"fsync": "off", "full_page_writes": "off"}
        if not _has_shared_memory():
            settings["dynamic_shared_memory_type"] = "mmap"
        # pg_ctl hands them to a shell.
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _durable(self) -> bool:
        return os.environ.get("EMBEDDED_POSTGRES_FSYNC") != "off"

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


def _has_shared_memory() -> bool:
    """Whether /dev/shm serves; PostgreSQL can do with files of its own instead."""
    if not sys.platform.startswith("linux"):
        return True
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108 - asked for, not used
    except OSError:
        return False
    writable = bool(os.stat("/dev/shm").st_mode & stat.S_IWOTH)  # noqa: S108 - the server's user
    return writable and found.f_bavail * found.f_frsize >= ROOM_FOR_SHARED_MEMORY


def _leave_all() -> None:
    for server in _servers.values():
        server.leave()


def _leave_at_the_end_of_a_multiprocessing_child(_: object = None) -> None:
    """atexit does not run there, but finalizers do: those registered since the child began."""
    multiprocessing.util.Finalize(None, _leave_all, exitpriority=0)


def _after_fork_in_child() -> None:
    global _mutex
    _mutex = threading.RLock()  # another thread of the parent may have held it
    for server in _servers.values():
        server.after_fork_in_child()


atexit.register(_leave_all)
_leave_at_the_end_of_a_multiprocessing_child()
multiprocessing.util.register_after_fork(_leave_all, _leave_at_the_end_of_a_multiprocessing_child)
os.register_at_fork(after_in_child=_after_fork_in_child)
