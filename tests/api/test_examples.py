"""docs/api-examples.md: every command and every line in it does what is said there, as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.provision import NewOrganization
from inbox.addresses import inbox_url
from inbox.models import InboxDelivery
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import deliver_all_due, run_all_jobs

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "api-examples.md"
PATIENCE = 120  # seconds; a slow machine is no defect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _product(settings: Settings) -> None:
    """Its endpoints and its tokens, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


@pytest.fixture
def _worker(transactional_db: None) -> Iterator[None]:
    """Delivers events and works on bulk jobs, as the worker's lines do."""
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(0.1):
            deliver_all_due()
            run_all_jobs()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopped.set()
    thread.join()


@pytest.fixture
def environment(
    live_server: LiveServer,
    sandbox: SandboxServer,
    settings: Settings,
    organization: NewOrganization,
    _worker: None,
) -> dict[str, str]:
    settings.PUBLIC_URL = live_server.url
    return {
        "PATH": os.environ["PATH"],
        "PERIODIC_URL": live_server.url,
        "SANDBOX_URL": sandbox.url,
        "INBOX_URL": inbox_url(organization.organization.default_account),
        "USER_SECRET": organization.user_secret,
        "ORGANIZATION_SECRET": organization.organization_secret,
    }


def blocks(language: str) -> str:
    """All code of a language, in its order."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```", EXAMPLES.read_text(), re.MULTILINE | re.DOTALL
    )
    assert len(found) >= 6
    return "\n".join(found)


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_run_as_written(environment: dict[str, str]) -> None:
    printed = run(["bash", "-euo", "pipefail", "-c", blocks("sh")], environment)

    assert '"name":"My mailbox"' in printed
    assert '"status":"found"' in printed  # the poll
    assert '"eventElementInstances"' in printed
    assert "threadId" in printed  # the table's head
    assert '"email":"a-new-user@example.com"' in printed


def test_the_python_code_runs_as_written(environment: dict[str, str]) -> None:
    printed = run([sys.executable, "-c", blocks("python")], environment)

    assert "Another mailbox" in printed
    assert any(b"changed-messages" in bytes(one.body) for one in InboxDelivery.objects.all())
