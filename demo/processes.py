"""The services that `make up` and `make demo` run: where they listen, and how they end."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests
from honcho.environ import parse_procfile

ROOT = Path(__file__).resolve().parent.parent
SOURCE_ROOT = ROOT / "platform"
PYTHON = sys.executable
MARK = "PERIODIC_SERVICES_OF"  # environment variable
SIGNATURE_KEY = "a-signature-key-for-trying-things-out"
# Beside the Procfile: what a customer would have.
RECEIVER = "exec .venv/bin/python -m demo.receiver --port $RECEIVER_PORT"
TOPIC = "projects/sandbox/topics/gmail"
PUSHER = "pusher@sandbox.iam.gserviceaccount.com"
START_TIMEOUT = 30.0  # seconds until every service must answer
STOP_TIMEOUT = 8.0  # seconds between asking a service to stop and killing it


class ServiceError(Exception):
    """A service could not be started; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything listens, and the folder that holds all that is kept.

    Without a `receiver_port` there is no callback receiver. `more` are further variables of the
    services' environment; they have the last word.
    """

    var: Path
    web_port: int
    sandbox_port: int
    receiver_port: int = 0
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def api(self) -> str:
        return f"{self.web}/elements/api-v2"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def receiver(self) -> str:
        return f"http://127.0.0.1:{self.receiver_port}"

    def environment(self) -> dict[str, str]:
        """The environment that points Periodic at the sandbox and opens loopback to it."""
        return {
            **os.environ,
            MARK: str(self.var),
            "PYTHONUNBUFFERED": "1",
            "PORT": str(self.web_port),
            "SANDBOX_PORT": str(self.sandbox_port),
            "RECEIVER_PORT": str(self.receiver_port),
            "PERIODIC_VAR": str(self.var),
            "EMBEDDED_POSTGRES_DIR": str(self.var / "postgres"),
            "PUBLIC_URL": self.web,
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8,::1/128",
            "GMAIL_API_BASE_URL": self.sandbox,
            "GOOGLE_AUTHORIZATION_URL": f"{self.sandbox}/o/oauth2/v2/auth",
            "GOOGLE_TOKEN_URL": f"{self.sandbox}/token",
            "GOOGLE_REVOKE_URL": f"{self.sandbox}/revoke",
            "GOOGLE_JWKS_URL": f"{self.sandbox}/oauth2/v3/certs",
            "GMAIL_PUSH_AUDIENCE": f"http://127.0.0.1:{self.web_port}/elements/api-v2/events/gmail",
            "GMAIL_PUSH_SERVICE_ACCOUNT": PUSHER,
            "RECEIVER_SIGNATURE_KEY": SIGNATURE_KEY,
            **self.more,
        }


def kept_in() -> Path:
    """The folder for all that is kept: PERIODIC_VAR, or `var` beside this one."""
    return Path(os.environ.get("PERIODIC_VAR") or ROOT / "var").resolve()


@contextmanager
def only_start(places: Places) -> Iterator[None]:
    """Makes the folder for what is kept, and keeps another start out of it.

    Raises ServiceError when one is there. The kernel frees the lock of one that was killed.
    """
    places.var.mkdir(parents=True, exist_ok=True)
    with (places.var / "lock").open("w") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of this process, not its children
        except OSError as error:
            raise ServiceError(
                f"the services that keep their data in {places.var} run already. End them first "
                "(Ctrl-C where they run), or choose another folder and other ports: "
                "PERIODIC_VAR=/tmp/periodic PORT=8100 SANDBOX_PORT=8125 make up"
            ) from error
        yield


def procfile() -> Mapping[str, str]:
    processes: Mapping[str, str] = parse_procfile((ROOT / "Procfile").read_text()).processes
    return processes


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def require_free(port: int, variable: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServiceError(
                f"port {port} is taken by another program. Stop it, or choose another port: "
                f"{variable}={port + 1} make up"
            ) from error


def manage(places: Places, *arguments: str) -> str:
    """Runs a management command and returns what it printed; raises ServiceError if it fails."""
    done = subprocess.run(  # noqa: S603 - our own command
        [PYTHON, "manage.py", *arguments],
        cwd=ROOT,
        env=places.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServiceError(f"manage.py {arguments[0]} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def wait_until_ready(places: Places) -> None:
    """Returns once every service answers; raises ServiceError otherwise."""
    deadline = time.monotonic() + START_TIMEOUT
    wanted = {"web server": f"{places.api}/elements/keys", "sandbox": places.sandbox}
    if places.receiver_port:
        wanted["receiver"] = f"{places.receiver}/received"
    for name, url in wanted.items():
        while True:
            try:
                if requests.get(url, timeout=2).ok:
                    break
            except requests.RequestException:
                pass
            if time.monotonic() > deadline:
                raise ServiceError(f"the {name} does not answer at {url}")
            time.sleep(0.1)


# --- Ending what was started ---------------------------------------------------------------------


def running(places: Places) -> list[psutil.Process]:
    """Every other living process of these services, orphans of a kill -9 included.

    They are known by a mark in their environment, which children inherit: no note that could go
    stale. The database is left out: it stops after them.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.pid != os.getpid()
                and process.environ().get(MARK) == str(places.var)
                and process.status() != psutil.STATUS_ZOMBIE
                and process.name() != "postgres"
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found


def end_all(places: Places) -> int:
    """Ends every process of these services, the database last; returns how many there were."""
    processes = running(places)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=STOP_TIMEOUT)
    for process in [*stubborn, *running(places)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    stop_database(places)
    return len(processes)


def stop_database(places: Places) -> None:
    """The last to use the embedded database stops it, unless it was killed: then this does."""
    folder = places.var / "postgres"
    if not folder.exists() or os.environ.get("DATABASE_URL"):
        return
    if str(SOURCE_ROOT) not in sys.path:
        sys.path.insert(0, str(SOURCE_ROOT))
    from config.postgres.server import stop_unused

    stop_unused(folder)


@contextmanager
def services(places: Places, *, without: str = "") -> Iterator[None]:
    """The Procfile's processes and a callback receiver (but `without`), each with a log in the
    folder for what is kept."""
    end_all(places)
    manage(places, "migrate", "--verbosity", "0")
    try:
        for name, command in {**procfile(), "receiver": RECEIVER}.items():
            if name == without:
                continue
            with (places.var / f"{name}.log").open("wb") as log:
                subprocess.Popen(  # noqa: S602 - our own Procfile
                    command, shell=True, cwd=ROOT, env=places.environment(),
                    stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
        wait_until_ready(places)
        yield
    finally:
        end_all(places)
