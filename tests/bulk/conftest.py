"""A mailbox at the sandbox, a client of its bulk jobs, and the worker's work without waiting."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from bulk import engine
from bulk.models import BulkJob
from elements import catalogue
from instances import provision
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import run_all_jobs
from transport.asynchronous import AsyncRunner

API = "/elements/api-v2"
MAILBOX = "bulk@example.com"
BULK = f"{API}/hubs/general/bulk"


@pytest.fixture(autouse=True)
def _no_waiting_for_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_pause(seconds: float) -> None:
        return None

    monkeypatch.setattr(engine, "AsyncRunner", partial(AsyncRunner, sleep=no_pause))


@pytest.fixture
def connect(organization: NewOrganization, sandbox: SandboxServer) -> Callable[..., Any]:
    """Connects the sandbox's mailbox once more, for the organization or another one."""

    def make(owner: NewOrganization = organization) -> ElementInstance:
        if MAILBOX not in json.dumps(sandbox.control.state()):
            sandbox.control.create_mailbox(MAILBOX)
        tokens = sandbox.control.sign_in(MAILBOX)
        wish = provision.Wish(
            name="Mailbox",
            configuration={
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
            },
            consent=provision.Consent(external=True, refresh_token=tokens["refresh_token"]),
        )
        return provision.create(owner.user, owner.organization, catalogue.find("gmail"), wish)

    return make


@pytest.fixture
def instance(connect: Callable[..., ElementInstance]) -> ElementInstance:
    return connect()


@pytest.fixture
def client(
    instance: ElementInstance, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> APIClient:
    return client_for(organization, instance.token)


class Bulk:
    """What a customer does with bulk jobs."""

    def __init__(self, client: APIClient) -> None:
        self.client = client

    def query(self, q: str, **parameters: str) -> Any:
        return self.client.post(f"{BULK}/query", QUERY_STRING=_query({"q": q, **parameters}))

    def start(self, q: str, **parameters: str) -> int:
        answer = self.query(q, **parameters)
        assert answer.status_code == 200, answer.content
        assert answer.json()["status"] == "CREATED"
        return int(answer.json()["id"])

    def run(self, q: str, **parameters: str) -> int:
        """Starts a job and lets the worker work until nothing is due."""
        job = self.start(q, **parameters)
        run_all_jobs()
        return job

    def status(self, job: int) -> dict[str, Any]:
        answer = self.client.get(f"{BULK}/{job}/status")
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def errors(self, job: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{BULK}/{job}/errors").json()
        return found

    def download(self, job: int, name: str = "messages", accept: str = "application/jsonl") -> Any:
        return self.client.get(f"{BULK}/{job}/{name}", HTTP_ACCEPT=accept)

    def records(self, job: int, name: str = "messages") -> list[dict[str, Any]]:
        answer = self.download(job, name)
        assert answer.status_code == 200, answer.content
        content = b"".join(answer.streaming_content)
        return [json.loads(line) for line in content.splitlines()]


def _query(parameters: dict[str, str]) -> str:
    return urlencode(parameters)


@pytest.fixture
def bulk(client: APIClient) -> Bulk:
    return Bulk(client)


@pytest.fixture
def time_passes() -> Callable[[], None]:
    """Lets every unfinished job be due now: its pause or its dead worker's lease is over."""

    def passed() -> None:
        BulkJob.objects.filter(finished_at=None).update(
            next_run_at="2020-01-01T00:00:00Z", lease_until=None
        )

    return passed
