"""A whole installation of real processes, with mails that come in and events that go out.

gunicorn and any number of `qcluster` on a PostgreSQL that a trial disturbs, the Gmail sandbox as
the provider, and a receiver. Mails come all the time; at the end each one must have been told of
once: as one CREATED in one event, under one webhook id.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
import requests
from rest_framework.test import APIClient

from integrations.gmail.sandbox.control_client import SandboxControl
from tests.end_to_end.line import Line
from tests.outages.cut_link import CutLink
from tests.outages.pgbouncer import PgBouncer
from tests.outages.real_postgres import RealPostgres
from tests.outages.web_server import WebServer, web_server
from tests.proof.customer import Customer
from tests.proof.provider import sandbox_process, settings_for

ROOT = Path(__file__).resolve().parents[2]
POLL_EVERY = 1  # seconds; people cannot ask for less than a minute
MAIL_EVERY = 0.1  # seconds between two mails
PATIENCE = 90.0  # seconds, for whatever must come at some time


class HttpApi:
    """What Line asks of Django's test client, over HTTP."""

    def __init__(self, url: str, secrets: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = secrets

    def get(self, path: str, query: Mapping[str, str] | None = None) -> requests.Response:
        return self._session.get(self._url + path, params=query, timeout=PATIENCE)

    def generic(
        self, method: str, path: str, data: str = "", content_type: str = ""
    ) -> requests.Response:
        headers = {"Content-Type": content_type}
        return self._session.request(
            method, self._url + path, data=data, headers=headers, timeout=PATIENCE
        )


class Host:
    """One `qcluster` of the code in a folder. Its log is a file of JSON lines."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, before: Sequence[str], code: Path
    ) -> None:
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*before, sys.executable, "manage.py", "qcluster"],
                cwd=code, env=dict(environment), stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip

    def processes(self) -> list[psutil.Process]:
        """All of them, also those whose parent is gone; the first is the one that was started."""
        found = []
        for one in psutil.process_iter():
            try:
                if os.getpgid(one.pid) == self.process.pid:
                    found.append(one)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return sorted(found, key=lambda one: one.create_time())

    def stop(self) -> None:
        """Tell all of it to stop, and wait until it has."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """As if the machine had lost its power."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


class Installation:
    """Its processes run the code in `code`, and reach `postgres` by way of `pooler`, where there is
    one. `folder` takes their logs."""

    def __init__(
        self,
        postgres: RealPostgres,
        folder: Path,
        stack: ExitStack,
        code: Path,
        pooler: PgBouncer | None,
    ) -> None:
        self.postgres = postgres
        self.code = code
        self.pooler = pooler
        self.hosts: list[Host] = []  # those that are to live
        self.webs: list[WebServer] = []
        self.logs: list[Path] = []  # of all that ever did
        self.linked: tuple[CutLink, Host] | None = None  # a host behind a link that is cut
        self.customer = Customer(random.Random(1))  # noqa: S311 - no secret
        self.customer.failing = False
        self._folder = folder
        self._stack = stack
        stack.callback(self.customer.receiver.close)
        state = folder / "sandbox"
        self.provider = stack.enter_context(sandbox_process(state, "outages"))
        self.control = SandboxControl(self.provider)
        self.sent: list[str] = []  # the ids of all mails
        self._sending = threading.Lock()
        self._mailboxes: list[str] = []
        self.secrets = ""  # of the customer, for the header Authorization

    def environment(self, url: str | None = None) -> dict[str, str]:
        return {
            **{
                name: value for name, value in os.environ.items() if name != "EMBEDDED_POSTGRES_DIR"
            },
            **settings_for(self.provider),
            "PERIODIC_ENV_FILE": os.devnull,
            "DATABASE_URL": url or (self.pooler or self.postgres).url,
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8,10.0.0.0/8",
            "LOG_LEVEL": "WARNING",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }

    # --- Its processes ---------------------------------------------------------------------------

    def manage(self, *arguments: str, url: str | None = None) -> str:
        """Run a command of manage.py, and return what it printed."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.code, env=self.environment(url), check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip

    def web(self, url: str | None = None, threads: int = 4) -> WebServer:
        server = web_server(self.environment(url), threads, self.code)
        self.webs.append(self._stack.enter_context(server))
        return self.webs[-1]

    def host(self, url: str | None = None, *, before: Sequence[str] = (), **settings: str) -> Host:
        """Begin one more worker host. `before` stands before its command: `faketime`, say."""
        log = self._folder / f"host-{len(self.logs)}.log"
        self.logs.append(log)
        host = Host({**self.environment(url), **settings}, log, before, self.code)
        self._stack.callback(host.kill)
        self.hosts.append(host)
        return host

    def host_behind(self, link: CutLink) -> None:
        """Begin one more worker host, which reaches PostgreSQL by the link alone."""
        for url in (self.provider, self.customer.receiver.url):
            link.reach(urlsplit(url).port or 80, self._stack)
        self.linked = link, self.host(link.url(self.postgres), before=link.before)

    def loops_of(self, host: Host) -> int:
        """Return how many loops the host has a lease on that is in force."""
        with self.postgres.connect() as connection:
            [(number,)] = connection.execute(
                "SELECT count(*) FROM worker_looplease"
                " WHERE split_part(host, ' ', 2) = %s AND lease_until > clock_timestamp()",
                [str(host.process.pid)],
            )
        return int(number)

    def sessions_behind(self, link: CutLink) -> int:
        """Return how many sessions PostgreSQL has for what is behind the link."""
        with self.postgres.connect() as connection:
            return link.sessions(connection)

    # --- Mails -----------------------------------------------------------------------------------

    def connect_mailboxes(self, web: WebServer, count: int) -> None:
        """Connect mailboxes as a customer does, polled each second."""
        made = json.loads(self.manage("create_organization", "One", "--email", "user@example.com",
                                      "--json"))  # fmt: skip
        self.secrets = f"User {made['userSecret']}, Organization {made['organizationSecret']}"
        api = cast(APIClient, HttpApi(web.url, self.secrets))
        for number in range(count):
            address = f"mailbox{number}@example.com"
            self.control.create_mailbox(address)
            Line(api, self.control, self.customer.receiver, address).connect(name=address)
            self._mailboxes.append(address)
        with self.postgres.connect() as connection:
            connection.execute(
                "UPDATE polling_pollingresource"
                "   SET interval = %s, next_poll_at = clock_timestamp()",
                [POLL_EVERY],
            )

    def send(self) -> str:
        """Have one mail come in, and return its id."""
        with self._sending:
            address = self._mailboxes[len(self.sent) % len(self._mailboxes)]
            self.sent.append(str(self.control.deliver(address)["id"]))
            return self.sent[-1]

    @contextmanager
    def mails_coming(self) -> Iterator[None]:
        """Within it, mails come all the time."""
        over = threading.Event()

        def come() -> None:
            while not over.wait(MAIL_EVERY):
                self.send()

        thread = threading.Thread(target=come)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def flows_within(self, seconds: float = PATIENCE) -> float:
        """Send a mail now, wait until its event has arrived, and return how long that took."""
        began = time.monotonic()
        message = self.send()
        until(lambda: message in self._arrived(), seconds, f"nothing is told of {message}")
        return time.monotonic() - began

    def all_flow_within(self, seconds: float = PATIENCE) -> float:
        """The same for one mail to each mailbox."""
        began = time.monotonic()
        messages = {self.send() for _ in self._mailboxes}
        # Other mails take their turns as well, so that a mailbox may have got two of these.
        until(lambda: messages <= self._arrived(), seconds, "not all mailboxes are told of")
        return time.monotonic() - began

    def _arrived(self) -> set[str]:
        return {
            told.object_id
            for webhook_id in list(self.customer.arrived)
            for told in self.customer.told.get(webhook_id, ())
        }

    def judge(self, seconds: float = PATIENCE) -> list[str]:
        """Wait until everything has arrived, and say what is lost, doubled or false."""
        wanted = set(self.sent)
        deadline = time.monotonic() + seconds
        while wanted - self._arrived() and time.monotonic() < deadline:
            time.sleep(0.1)
        wrong = [f"lost: {message}" for message in sorted(wanted - self._arrived())]
        told = Counter(
            (one.object_id, one.type)
            for webhook_id in self.customer.arrived
            for one in self.customer.told.get(webhook_id, ())
        )
        wrong += [f"told {times} times: {one}" for one, times in told.items() if times > 1]
        wrong += [
            f"false: {object_id} {type_}"
            for object_id, type_ in told
            if type_ != "CREATED" or object_id not in wanted
        ]
        return wrong + self.customer.faults


def until(condition: Callable[[], Any], seconds: float = PATIENCE, otherwise: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{otherwise} within {seconds:.0f} s"
        time.sleep(0.05)


@contextmanager
def installation(
    postgres: RealPostgres,
    folder: Path,
    *,
    hosts: int = 1,
    mailboxes: int = 6,
    code: Path = ROOT,
    pooler: PgBouncer | None = None,
) -> Iterator[Installation]:
    """One with that many worker hosts and mailboxes, in which mails already flow."""
    with ExitStack() as stack:
        made = Installation(postgres, folder, stack, code, pooler)
        made.manage("migrate", "--verbosity", "0")
        for _ in range(hosts):
            made.host()
        made.connect_mailboxes(made.web(), mailboxes)
        made.flows_within()
        yield made
