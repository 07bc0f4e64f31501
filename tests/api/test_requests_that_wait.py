"""Providers, receivers and name servers that hang hold their own customer's requests, and nobody
else's: the real web server, with more requests that wait than it has threads."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import LazySettings

from accounts.provision import NewOrganization, create_organization
from demo.processes import free_port
from elements import catalogue
from events.models import Event
from instances import provision
from tests.hubs.crm import KEY, Crm, Seen

pytestmark = [pytest.mark.installation, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).resolve().parents[2]
ELEMENTS = str(ROOT / "tests" / "hubs" / "elements")
THREADS = 8
MOST_WAITING = 4  # of one organization that is alone: two thirds of the six that may wait
PATIENCE = 25.0  # seconds; who is held up by others waits for thirty


class SlowCrm(Crm):
    """Answers nothing for accounts called `hang` until it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = threading.Event()

    def answer(self, seen: Seen) -> tuple[int, Any]:
        if seen.path.endswith("/hang"):
            self.closed.wait()
        return super().answer(seen)


@pytest.fixture
def crm(settings: LazySettings) -> Iterator[SlowCrm]:
    settings.INTEGRATIONS_DIRS = [ELEMENTS]
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with SlowCrm() as provider:
        settings.CRM_API_BASE_URL = provider.url
        yield provider
        provider.closed.set()


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a receiver, and of a name server, that never answer."""
    with socket.socket() as receiver, socket.socket(type=socket.SOCK_DGRAM) as name_server:
        receiver.bind(("127.0.0.1", 0))
        receiver.listen(128)
        port: int = receiver.getsockname()[1]
        name_server.bind(("127.0.0.1", port))
        yield port


@pytest.fixture
def api(process_environment: dict[str, str], crm: SlowCrm, silent: int) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gunicorn", "--chdir", str(ROOT / "platform"),
            "--no-control-socket", "--worker-class", "config.web_worker.Worker",
            "--threads", str(THREADS), "--bind", f"127.0.0.1:{port}",
            "--config", str(ROOT / "tests" / "api" / "hanging_names.py"), "config.wsgi",
        ],
        env={
            **process_environment,
            "INTEGRATIONS_DIRS": ELEMENTS,
            "CRM_API_BASE_URL": crm.url,
            "SILENT_NAME_SERVER": str(silent),
        },
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                requests.get(f"http://127.0.0.1:{port}/health/live", timeout=60)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()  # what hangs would keep it
        process.wait(timeout=30)


class Customer:
    """Somebody with a connected account, and what it asks of the server."""

    def __init__(self, api: str, name: str, callback: str = "") -> None:
        new: NewOrganization = create_organization(name, f"{name}@example.com")
        configuration = {"api.key": KEY, "site.address": "a"}
        if callback:
            configuration["event.notification.callback.url"] = callback
        self.instance = provision.create(
            new.user,
            new.organization,
            catalogue.find("crm"),
            provision.Wish(name=name, configuration=configuration),
        )
        self.api = f"{api}/elements/api-v2"
        self.headers = {
            "Authorization": f"User {new.user_secret}, Organization {new.organization_secret}, "
            f"Element {self.instance.token}"
        }

    def ask(self, method: str, path: str, json: Any = None) -> requests.Response | None:
        """The answer; None when there was none in time."""
        try:
            return requests.request(
                method, self.api + path, json=json, headers=self.headers, timeout=PATIENCE
            )
        except requests.RequestException:
            return None


@pytest.mark.parametrize("hanging", ["provider", "receiver", "name server"])
def test_others_are_answered_while_a_customers_requests_hang(
    api: str, silent: int, hanging: str
) -> None:
    receiver = "name.hangs.example" if hanging == "name server" else f"127.0.0.1:{silent}"
    slow = Customer(api, "slow", f"http://{receiver}/hook")
    other = Customer(api, "other")
    answers: list[requests.Response | None] = []

    def hang() -> None:
        if hanging == "provider":
            answers.append(slow.ask("GET", "/accounts/hang"))
        else:
            answers.append(slow.ask("POST", f"/instances/{slow.instance.pk}/events/test"))

    refused = 3 * THREADS - MOST_WAITING
    for _ in range(3 * THREADS):
        threading.Thread(target=hang, daemon=True).start()
    deadline = time.monotonic() + PATIENCE
    while len(answers) < refused and time.monotonic() < deadline:
        time.sleep(0.05)
    first = answers[:refused]
    probes = [
        other.ask("GET", path) for path in ("/instances", "/accounts/1", "/hubs/crm/ping") * 3
    ]
    own = slow.ask("GET", "/instances")

    assert [statuses([probe]) for probe in (*probes, own)] == [{200: 1}] * 10
    assert statuses(first) == {429: refused}
    [(wait, message)] = {
        (answer.headers["Retry-After"], answer.json()["message"])
        for answer in first
        if answer is not None
    }
    assert wait == "2"
    assert "try again in 2 seconds, and send fewer at once" in message
    if hanging != "provider":  # a test is an event: what was refused has stored none
        assert Event.objects.count() == MOST_WAITING


def statuses(answers: Sequence[requests.Response | None]) -> Counter[int]:
    return Counter(0 if answer is None else answer.status_code for answer in answers)
