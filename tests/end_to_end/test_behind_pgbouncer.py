"""Requests, polls and deliveries of several processes, all through PgBouncer, in both its modes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.provision import NewOrganization
from events.models import Delivery, Event
from polling.models import PollingResource
from tests.end_to_end.line import API, Line
from tests.outages.pgbouncer import pgbouncer
from tests.outages.web_server import WebServer, web_server

ROOT = Path(__file__).resolve().parents[2]
MAILS, AT_ONCE = 60, 10
PATIENCE = 180.0  # seconds; a slow machine is no defect
HOSTS = 2
STOP_WITHIN = 30  # seconds

pytestmark = [
    pytest.mark.installation,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("processes"),
]


@contextmanager
def workers(environment: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """`manage.py qcluster`, as two hosts run it."""
    processes = [
        subprocess.Popen([sys.executable, "manage.py", "qcluster"], cwd=ROOT, env=environment)
        for _ in range(HOSTS)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(STOP_WITHIN)


class Customer:
    """Asks the API all the time, from several threads."""

    def __init__(self, server: WebServer, secrets: str, path: str) -> None:
        self.statuses: list[int] = []
        self._over = threading.Event()
        self._server, self._path, self._secrets = server, path, secrets
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]

    def __enter__(self) -> Customer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            answer = self._server.get(self._path, self._secrets)
            self.statuses.append(answer.status_code)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_every_mail_arrives_once(
    mode: str, connected: Line, organization: NewOrganization, process_environment: dict[str, str]
) -> None:
    PollingResource.objects.update(interval=1, next_poll_at=timezone.now())
    names = ("GMAIL_API_BASE_URL", "GOOGLE_TOKEN_URL", "GOOGLE_REVOKE_URL")
    secrets = f"User {organization.user_secret}, Organization {organization.organization_secret}"
    with pgbouncer(mode) as url:
        environment = {
            **process_environment,
            **{name: getattr(settings, name) for name in names},
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        instance = f"{API}/instances/{connected.instance['id']}"
        mails: list[str] = []
        with (
            web_server(environment) as server,
            workers(environment) as processes,
            Customer(server, secrets, instance) as customer,
        ):
            for _ in range(MAILS // AT_ONCE):
                mails += [mail["id"] for mail in connected.control.deliver_many(AT_ONCE)]
                time.sleep(0.2)  # several polls find them
            deadline = time.monotonic() + PATIENCE
            while Delivery.objects.exclude(status="delivered").exists() or len(found()) < MAILS:
                assert time.monotonic() < deadline, "what should have arrived has not"
                time.sleep(0.1)
            assert [process.poll() for process in processes] == [None] * HOSTS

    assert set(customer.statuses) == {200}
    assert len(customer.statuses) > HOSTS
    assert sorted(found()) == sorted(mails)
    received = connected.receiver.ids()
    assert len(received) == len(set(received))


def found() -> list[str]:
    return [each["objectId"] for event in Event.objects.all() for each in event.objects_found]
