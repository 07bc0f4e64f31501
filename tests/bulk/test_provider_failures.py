"""What goes wrong at the provider costs time, or the records that it concerns, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bulk import commit, fetch
from bulk.models import BulkJob, BulkObject
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import run_all_jobs

from .conftest import MAILBOX, Bulk

pytestmark = pytest.mark.django_db(transaction=True)
LIST = {"path_regex": "/messages$"}
READ = {"path_regex": "/messages/[^/]+$"}
LIMITED = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'."
EVERYTHING = "select * from messages"
Then = Callable[[int, Callable[[], Any]], None]


@pytest.fixture
def after_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Then]:
    """Lets something happen when so many steps have been stored."""

    def then(number: int, action: Callable[[], Any]) -> None:
        store, left = commit.store, number

        def storing(*args: Any) -> BulkJob | None:
            nonlocal left
            job = store(*args)
            left -= 1
            if left == 0:
                action()
            return job

        monkeypatch.setattr(commit, "store", storing)

    yield then
    monkeypatch.undo()


def result(bulk: Bulk, job: int) -> list[str]:
    return sorted(record["id"] for record in bulk.records(job))


def test_a_record_that_cannot_be_read_is_told_and_costs_no_other(
    bulk: Bulk, sandbox: SandboxServer, time_passes: Callable[[], None]
) -> None:
    bad, *good = sandbox.control.fill(150, MAILBOX)
    sandbox.control.poison(bad, MAILBOX)

    job = bulk.run(EVERYTHING)
    for _ in range(fetch.MOST_ATTEMPTS):  # alone it waits a little between its tries
        time_passes()
        run_all_jobs()

    status = bulk.status(job)
    assert (status["status"], status["recordsCount"]) == ("COMPLETED", 149)
    assert (status["recordsFailedCount"], status["recordsFoundCount"]) == (1, 150)
    assert [error["objectId"] for error in bulk.errors(job)] == [bad]
    assert "500" in bulk.errors(job)[0]["message"]
    assert result(bulk, job) == sorted(good)


def test_a_message_deleted_meanwhile_is_told(
    bulk: Bulk, sandbox: SandboxServer, after_store: Then
) -> None:
    gone, *others = sandbox.control.fill(5, MAILBOX)
    after_store(1, lambda: sandbox.control.delete(gone, MAILBOX))

    job = bulk.run(EVERYTHING)

    assert bulk.status(job)["status"] == "COMPLETED"
    assert [error["objectId"] for error in bulk.errors(job)] == [gone]
    assert result(bulk, job) == sorted(others)


@pytest.mark.parametrize("match", [LIST, READ])
@pytest.mark.parametrize("refusal", [{"status": 429}, {"status": 403, "message": LIMITED}])
def test_a_used_up_quota_is_waited_for(
    bulk: Bulk,
    sandbox: SandboxServer,
    match: dict[str, str],
    refusal: dict[str, Any],
    time_passes: Callable[[], None],
    buckets_open: Callable[[], None],
) -> None:
    ids = sandbox.control.fill(20, MAILBOX)
    sandbox.control.add_fault(match, {**refusal, "retry_after": "900"})

    job = bulk.run(EVERYTHING)

    status = bulk.status(job)
    assert (status["status"], status["recordsFailedCount"]) == ("RUNNING", 0)
    assert str(refusal["status"]) in status["error"]
    waits = BulkJob.objects.get(pk=job).next_run_at - timezone.now()
    assert timedelta(seconds=800) < waits <= timedelta(seconds=900)
    sandbox.control.clear_faults()
    run_all_jobs()
    assert bulk.status(job)["status"] == "RUNNING", "not before the time the provider named"
    time_passes()
    buckets_open()
    run_all_jobs()
    assert (bulk.status(job)["status"], bulk.status(job)["error"]) == ("COMPLETED", None)
    assert result(bulk, job) == sorted(ids)


def test_an_outage_costs_no_record_however_often_it_is_met(
    bulk: Bulk, sandbox: SandboxServer, after_store: Then, time_passes: Callable[[], None]
) -> None:
    ids = sandbox.control.fill(20, MAILBOX)
    after_store(1, lambda: sandbox.control.add_fault({"path": "/gmail/"}, {"status": 503}))

    job = bulk.run(EVERYTHING)
    for _ in range(fetch.MOST_ATTEMPTS + 2):
        time_passes()
        run_all_jobs()

    assert bulk.status(job)["status"] == "RUNNING"
    assert bulk.status(job)["nextTryDate"] is not None
    sandbox.control.clear_faults()
    time_passes()
    run_all_jobs()
    assert bulk.status(job)["status"] == "COMPLETED"
    assert result(bulk, job) == sorted(ids)


def test_an_outage_of_a_day_ends_the_job(
    bulk: Bulk, sandbox: SandboxServer, time_passes: Callable[[], None]
) -> None:
    sandbox.control.add_fault({"path": "/gmail/"}, {"status": 503})
    job = bulk.run(EVERYTHING)

    with time_machine.travel(timezone.now() + commit.PATIENCE + timedelta(minutes=1)):
        time_passes()
        run_all_jobs()

    assert bulk.status(job)["status"] == "ERROR"
    assert "503" in bulk.status(job)["error"]


def test_a_lost_grant_ends_the_job_with_what_it_has(
    bulk: Bulk, sandbox: SandboxServer, after_store: Then
) -> None:
    sandbox.control.fill(250, MAILBOX)
    after_store(2, lambda: sandbox.control.revoke(MAILBOX))

    job = bulk.run(EVERYTHING)

    status = bulk.status(job)
    assert status["status"] == "ERROR"
    assert "ended the authorization" in status["error"]
    assert len(bulk.records(job)) == status["recordsCount"] == fetch.BATCH
    assert not BulkObject.objects.exists()


def test_a_place_in_the_list_that_the_provider_forgot_begins_the_list_anew(
    bulk: Bulk,
    sandbox: SandboxServer,
    after_store: Then,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "LARGEST_PAGE", 10)
    ids = sandbox.control.fill(35, MAILBOX)
    after_store(2, lambda: sandbox.control.add_fault(LIST, {"status": 400}, times=1))

    job = bulk.run(EVERYTHING)

    assert bulk.status(job)["status"] == "COMPLETED"
    assert BulkJob.objects.get(pk=job).restarts == 1
    assert result(bulk, job) == sorted(ids)


def test_a_list_that_can_never_be_read_to_its_end_ends_the_job(
    bulk: Bulk,
    sandbox: SandboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "LARGEST_PAGE", 10)
    sandbox.control.fill(35, MAILBOX)
    job = bulk.start(EVERYTHING)
    store = commit.store

    def storing(*args: Any) -> BulkJob | None:
        left = store(*args)
        if left is not None and left.page_token:
            sandbox.control.add_fault(LIST, {"status": 400}, times=1)
        return left

    monkeypatch.setattr(commit, "store", storing)
    run_all_jobs()

    assert bulk.status(job)["status"] == "ERROR"
    assert "no longer knows the next page" in bulk.status(job)["error"]


def test_disabled_in_the_middle(
    bulk: Bulk,
    sandbox: SandboxServer,
    instance: ElementInstance,
    after_store: Then,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bulk.engine.TURN", 0.0)
    sandbox.control.fill(5, MAILBOX)
    rows = ElementInstance.objects.filter(pk=instance.pk)
    after_store(1, lambda: rows.update(enabled=False))

    job = bulk.run(EVERYTHING)

    rows.update(enabled=True)
    assert bulk.status(job)["status"] == "ERROR"
    assert bulk.status(job)["error"] == "the element instance is disabled"
