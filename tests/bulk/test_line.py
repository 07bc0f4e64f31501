"""The bulk loop is there when there is work, rests when there is none, and takes turns."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from bulk import commit, engine, tasks
from bulk.models import BulkError, BulkJob
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import run_all_jobs

from .conftest import BULK, MAILBOX, Bulk

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_loop_rests_when_there_is_nothing_to_do(bulk: Bulk) -> None:
    job = bulk.start("select * from labels")

    goes_on = tasks.run_until(time.monotonic() + 20)

    assert bulk.status(job)["status"] == "COMPLETED"
    assert goes_on is False


def test_the_loop_goes_on_while_there_is(
    bulk: Bulk, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control.fill(5, MAILBOX)
    job = bulk.start("select * from messages")
    store = commit.store

    def storing(*args: Any) -> BulkJob | None:
        """The time is up after the first step."""
        working._deadline = time.monotonic()
        return store(*args)

    make = engine.Engine.__init__
    working: Any = None

    def made(self: engine.Engine, *args: Any) -> None:
        nonlocal working
        make(self, *args)
        working = self

    monkeypatch.setattr(engine.Engine, "__init__", made)
    monkeypatch.setattr(commit, "store", storing)
    goes_on = tasks.run_until(time.monotonic() + 20)

    assert bulk.status(job)["status"] == "RUNNING"
    assert goes_on is True
    row = BulkJob.objects.get()
    assert (row.lease_id, row.lease_until) == (None, None), "others can go on at once"


def test_a_large_job_lets_others_have_their_turn(
    bulk: Bulk, sandbox: SandboxServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BULK_CONCURRENCY = 1
    monkeypatch.setattr(engine, "TURN", 0.0)
    sandbox.control.fill(350, MAILBOX)
    large = bulk.start("select * from messages")
    small = bulk.start("select * from labels")

    run_all_jobs()

    assert [bulk.status(job)["status"] for job in (small, large)] == ["COMPLETED"] * 2
    ends = [BulkJob.objects.get(pk=job).finished_at for job in (small, large)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0] < ends[1]


@pytest.mark.parametrize("path", ["", "/errors"])
def test_lists_cost_the_same_for_one_row_and_for_a_hundred(
    bulk: Bulk, path: str, client: APIClient
) -> None:
    job = bulk.start("select * from labels")
    address = f"{BULK}/{job}{path}" if path else BULK
    _add(job, 1)
    for_one = _queries(client, address)
    _add(job, 100)

    assert _queries(client, address) == for_one


def _add(job: int, count: int) -> None:
    """So many errors of the job, and jobs like it."""
    row = BulkJob.objects.get(pk=job)
    BulkError.objects.bulk_create(
        BulkError(job=row, object_id=str(number), message="m", created_at=row.created_at)
        for number in range(count)
    )
    for _ in range(count - 1):
        row.pk = None
        row.save()


def _queries(client: APIClient, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200
    assert answer.json()
    return len(queries)
