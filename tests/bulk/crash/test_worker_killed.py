"""A worker killed with -9 at any statement of a bulk job: no record lost, none stored twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F

from bulk.claim import LEASE
from bulk.models import BulkJob, BulkObject
from bulk.tasks import run_all_due
from integrations.gmail.sandbox.server import SandboxServer
from tests.bulk.conftest import MAILBOX, Bulk

WORKER = Path(__file__).with_name("worker.py")
FINISHED = 0
MESSAGES = 12  # two pages of the list, three batches


class Worker:
    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), database()],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, statement: int) -> int:
        """The signal that ended it, or FINISHED."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{statement}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


def database() -> str:
    """This test's database, as the worker is told of it."""
    given = connection.get_connection_params()
    names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
    return json.dumps({setting: given.get(name, "") for setting, name in names.items()})


@pytest.fixture
def worker(transactional_db: None, sandbox: SandboxServer) -> Iterator[Worker]:
    worker = Worker(
        {
            **os.environ,
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "GMAIL_API_BASE_URL": sandbox.url,
            "GOOGLE_TOKEN_URL": f"{sandbox.url}/token",
        }
    )
    yield worker
    worker.close()


def run_to_its_end(
    worker: Worker, bulk: Bulk, ids: list[str], query: str, name: str, every: int
) -> int:
    """Kills a worker at each so many-eth statement, and lets another finish; how many there are."""
    statement, ended = 0, int(signal.SIGKILL)
    while ended != FINISHED:
        statement += every
        job = bulk.start(query)
        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        # The dead worker's lease ends by itself: time passes.
        BulkJob.objects.filter(lease_id__isnull=False).update(lease_until=F("lease_until") - LEASE)
        run_all_due()

        status = bulk.status(job)
        assert (status["status"], status["recordsCount"]) == ("COMPLETED", len(ids)), statement
        assert (status["recordsFailedCount"], status["recordsFoundCount"]) == (0, len(ids))
        assert sorted(record["id"] for record in bulk.records(job, name)) == sorted(ids), statement
        assert not BulkObject.objects.exists()
        BulkJob.objects.all().delete()
    return statement


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_each_message_is_in_the_result_once(
    worker: Worker, bulk: Bulk, sandbox: SandboxServer
) -> None:
    ids = sandbox.control.fill(MESSAGES, MAILBOX)

    statements = run_to_its_end(worker, bulk, ids, "select * from messages", "messages", 1)

    assert statements > 30, "the worker was never killed within its work"


@pytest.mark.django_db(transaction=True)
def test_killed_while_it_stores_a_list_of_whole_records(
    worker: Worker, bulk: Bulk, make_labels: Callable[[], list[str]]
) -> None:
    ids = make_labels()

    statements = run_to_its_end(worker, bulk, ids, "select * from labels", "labels", 1)

    assert statements > 8, "the worker was never killed within its work"


@pytest.fixture
def make_labels(bulk: Bulk) -> Callable[[], list[str]]:
    def ids() -> list[str]:
        answer = bulk.client.get("/elements/api-v2/hubs/general/labels?pageSize=500")
        return [label["id"] for label in answer.json()]

    return ids
