"""What a poll finds is told once, as events, together with the cursor that moved past it."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from events.models import Event
from polling.models import PolledObject, PollingResource, PollOutcome, PollRun, PutAsideObject
from tests.all_due import poll_all_due

from .ledger import Ledger
from .telling import poll, told

pytestmark = pytest.mark.django_db


def test_what_was_there_before_the_start_is_not_told(
    resource: PollingResource, ledger: Ledger
) -> None:
    assert resource.cursor == "0"
    poll(resource)
    assert told(resource) == []
    assert PollRun.objects.get().outcome == PollOutcome.STARTED


def test_created_updated_and_deleted_objects_are_told(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "b")
    poll(resource)
    ledger.change("a")
    ledger.delete("b")
    poll(resource)
    assert told(resource) == [
        ("a", "CREATED"),
        ("b", "CREATED"),
        ("a", "UPDATED"),
        ("b", "DELETED"),
    ]
    assert resource.cursor == "4"
    assert resource.last_success_at == resource.last_polled_at is not None
    assert resource.lease_id is None
    assert [run.found for run in PollRun.objects.filter(outcome="found").order_by("pk")] == [2, 2]


def test_an_idle_poll_writes_no_run_and_keeps_its_time(
    resource: PollingResource, ledger: Ledger
) -> None:
    runs = PollRun.objects.count()
    due = timezone.now()
    PollingResource.objects.update(next_poll_at=due)
    poll_all_due()
    resource.refresh_from_db()
    assert PollRun.objects.count() == runs
    assert (resource.next_poll_at - due).total_seconds() == resource.interval
    assert resource.last_success_at is not None
    assert resource.last_success_at >= due


def test_the_same_state_found_again_is_not_told_again(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    poll(resource)
    PollingResource.objects.update(cursor="0")  # as after a recovery that overlaps
    poll(resource)
    assert told(resource) == [("a", "CREATED")]
    assert resource.cursor == "1"


def test_a_known_object_that_seems_new_is_an_update(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    poll(resource)
    ledger.change("a")
    PollingResource.objects.update(cursor="0")
    poll(resource)
    assert told(resource) == [("a", "CREATED"), ("a", "UPDATED")]
    record = json.loads(Event.objects.latest("pk").body)["message"]["raw"]["entries"][0]
    assert record["changeType"] == "UPDATED"


def test_an_object_that_comes_back_after_its_deletion_is_created(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    poll(resource)
    ledger.delete("a")
    poll(resource)
    ledger.add("a")
    poll(resource)
    assert told(resource) == [("a", "CREATED"), ("a", "DELETED"), ("a", "CREATED")]


def test_a_large_find_drains_in_chunks_in_one_go(resource: PollingResource, ledger: Ledger) -> None:
    names = [f"entry-{number:03}" for number in range(23)]
    ledger.add(*names)
    poll(resource)
    assert told(resource) == [(name, "CREATED") for name in names]
    assert PutAsideObject.objects.count() == 0
    assert PollRun.objects.filter(outcome="found").count() == 5  # 5 fetches a poll, each committed
    assert Event.objects.count() == 5
    assert PolledObject.objects.count() == 23


def test_an_object_gone_before_its_fetch_is_counted(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "b")
    del ledger.versions["a"]
    poll(resource)
    assert told(resource) == [("b", "CREATED")]
    assert PollRun.objects.latest("pk").missing == 1
    assert PutAsideObject.objects.count() == 0


def test_a_gap_is_recovered_without_loss_or_repetition(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "b")
    poll(resource)
    ledger.change("b")
    ledger.add("c")
    ledger.oldest = 4
    poll(resource)
    assert sorted(told(resource)[2:]) == [("b", "UPDATED"), ("c", "CREATED")]
    run = PollRun.objects.latest("pk")
    assert (run.outcome, run.cursor_before, run.cursor_after) == ("recovered", "2", "4")
    assert run.gap_seconds is not None
