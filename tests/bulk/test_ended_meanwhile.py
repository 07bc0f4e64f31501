"""Jobs that are cancelled, deleted with their instance, outlived, or worked on by somebody else."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from accounts.provision import NewOrganization, create_organization
from bulk import claim, commit
from bulk.models import BulkChunk, BulkError, BulkJob, BulkObject
from bulk.pack import Packer
from bulk.tasks import remove_old_jobs
from instances import provision
from instances.models import ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import clean_all_due, run_all_jobs

from .conftest import BULK, MAILBOX, Bulk

pytestmark = pytest.mark.django_db(transaction=True)
EVERYTHING = "select * from messages"


def all_rows() -> int:
    return sum(model.objects.count() for model in (BulkJob, BulkChunk, BulkError, BulkObject))


def test_cancelled_before_it_began(bulk: Bulk) -> None:
    job = bulk.start(EVERYTHING)

    answer = bulk.client.put(f"{BULK}/{job}/cancel")
    run_all_jobs()

    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    assert bulk.status(job)["status"] == "CANCELLED"
    assert bulk.records(job) == []


def test_cancelled_in_the_middle_keeps_what_was_read(
    bulk: Bulk, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control.fill(350, MAILBOX)
    job = bulk.start(EVERYTHING)
    store = commit.store

    def storing(*args: Any) -> BulkJob | None:
        left = store(*args)
        if left is not None and left.chunks == 2:
            commit.cancel(left, timezone.now())
        return left

    monkeypatch.setattr(commit, "store", storing)
    run_all_jobs()

    status = bulk.status(job)
    assert (status["status"], status["recordsCount"]) == ("CANCELLED", 200)
    assert len({record["id"] for record in bulk.records(job)}) == 200
    assert not BulkObject.objects.exists()
    assert bulk.client.put(f"{BULK}/{job}/cancel").status_code == 200


def test_what_is_completed_cannot_be_cancelled(bulk: Bulk) -> None:
    job = bulk.run("select * from labels")

    assert bulk.client.put(f"{BULK}/{job}/cancel").status_code == 409
    assert bulk.status(job)["status"] == "COMPLETED"


def test_an_instance_deleted_in_the_middle_leaves_nothing_behind(
    bulk: Bulk,
    sandbox: SandboxServer,
    instance: ElementInstance,
    organization: NewOrganization,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox.control.fill(350, MAILBOX)
    bulk.start(EVERYTHING)
    store = commit.store

    def storing(*args: Any) -> BulkJob | None:
        left = store(*args)
        if left is not None and left.chunks == 2:
            provision.delete(organization.organization, instance.pk)
            clean_all_due()
        return left

    monkeypatch.setattr(commit, "store", storing)
    run_all_jobs()

    assert not ElementInstance.objects.exists()
    assert all_rows() == 0


def test_old_results_are_removed(bulk: Bulk, settings: Settings) -> None:
    job = bulk.run("select * from labels")
    unfinished = bulk.start("select * from labels")
    before = timezone.now()

    with time_machine.travel(before + timedelta(days=6, hours=23)):
        assert remove_old_jobs() == 0
    with time_machine.travel(before + timedelta(days=7, minutes=1)):
        settings.BULK_KEPT_DAYS = 0
        assert remove_old_jobs() == 0
        settings.BULK_KEPT_DAYS = 7
        assert remove_old_jobs() == 1

    assert bulk.client.get(f"{BULK}/{job}/status").status_code == 404
    assert not BulkChunk.objects.exists()
    assert bulk.status(unfinished)["status"] == "CREATED"


def test_a_result_that_would_be_too_large(
    bulk: Bulk, sandbox: SandboxServer, settings: Settings
) -> None:
    settings.BULK_LARGEST_BYTES = 1000
    sandbox.control.fill(200, MAILBOX)

    status = bulk.status(bulk.run(EVERYTHING))

    assert status["status"] == "ERROR"
    assert status["error"].startswith("what was found takes more than 1000 bytes")


def test_who_lost_the_lease_stores_nothing(bulk: Bulk) -> None:
    bulk.start("select * from labels")
    now = timezone.now()
    (slow,) = claim.claim_due(5, now)
    assert claim.claim_due(5, now) == []
    (quick,) = claim.claim_due(5, now + claim.LEASE)
    packer = Packer(())
    packer.add({"id": "1"})
    step = commit.Step(found=1, page_token="", chunks=packer.chunks(), columns=["id"])

    assert commit.store(slow, step, now) is None
    assert not BulkChunk.objects.exists()
    commit.store(quick, step, now)
    assert BulkChunk.objects.count() == 1
    assert BulkJob.objects.get().status == "COMPLETED"


def test_leases_are_renewed_and_released_by_their_holder_only(bulk: Bulk) -> None:
    bulk.start("select * from labels")
    now = timezone.now()
    (job,) = claim.claim_due(5, now)
    stranger = BulkJob.objects.get()
    stranger.lease_id = uuid.uuid4()

    claim.JOBS.release([stranger])
    assert claim.claim_due(5, now) == []
    claim.JOBS.renew([job], now + claim.LEASE)
    assert claim.claim_due(5, now + claim.LEASE) == []
    claim.JOBS.release([job])
    assert [one.pk for one in claim.claim_due(5, now)] == [job.pk]


def test_large_jobs_of_one_organization_keep_no_other_waiting(
    bulk: Bulk, connect: Callable[..., ElementInstance], client_for: Any
) -> None:
    for _ in range(6):
        bulk.start(EVERYTHING)
    other = create_organization("Another", "other@example.com")
    theirs = Bulk(client_for(other, connect(other).token)).start(EVERYTHING)

    claimed = [job.pk for job in claim.claim_due(2, timezone.now())]

    assert len(claimed) == 2
    assert theirs in claimed
