"""A worker killed with -9 at any statement of a bulk job: no record lost, none stored twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest
from django.db.models import F

from bulk.claim import LEASE
from bulk.models import BulkJob, BulkObject
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import run_all_jobs
from tests.bulk.conftest import MAILBOX, Bulk
from tests.killed_worker import FINISHED, KilledWorker

MESSAGES = 12  # two pages of the list, three batches


@pytest.fixture
def worker(transactional_db: None, sandbox: SandboxServer) -> Iterator[KilledWorker]:
    worker = KilledWorker(
        "tests.all_due.run_all_jobs",
        "tests.bulk.short_batches.install",
        GMAIL_API_BASE_URL=sandbox.url,
        GOOGLE_TOKEN_URL=f"{sandbox.url}/token",
    )
    yield worker
    worker.close()


def run_to_its_end(
    worker: KilledWorker, bulk: Bulk, ids: list[str], query: str, name: str, every: int
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
        run_all_jobs()

        status = bulk.status(job)
        assert (status["status"], status["recordsCount"]) == ("COMPLETED", len(ids)), statement
        assert (status["recordsFailedCount"], status["recordsFoundCount"]) == (0, len(ids))
        assert sorted(record["id"] for record in bulk.records(job, name)) == sorted(ids), statement
        assert not BulkObject.objects.exists()
        BulkJob.objects.all().delete()
    return statement


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_each_message_is_in_the_result_once(
    worker: KilledWorker, bulk: Bulk, sandbox: SandboxServer
) -> None:
    ids = sandbox.control.fill(MESSAGES, MAILBOX)

    statements = run_to_its_end(worker, bulk, ids, "select * from messages", "messages", 1)

    assert statements > 30, "the worker was never killed within its work"


@pytest.mark.django_db(transaction=True)
def test_killed_while_it_stores_a_list_of_whole_records(
    worker: KilledWorker, bulk: Bulk, make_labels: Callable[[], list[str]]
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
