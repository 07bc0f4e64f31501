"""An object whose fetch fails waits on a row of its own, blocks nobody, and is never given up."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from polling.models import PollingResource, PollRun, PutAsideObject
from polling.put_aside import due_put_aside
from tests.all_due import poll_all_due

from .ledger import Ledger
from .telling import poll, told

pytestmark = pytest.mark.django_db


def test_a_poisoned_object_is_put_aside_and_the_others_are_told(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "bad", "c")
    ledger.poisoned.add("bad")
    poll(resource)
    assert told(resource) == [("a", "CREATED"), ("c", "CREATED")]
    assert resource.cursor == "3"
    waiting = PutAsideObject.objects.get()
    assert (waiting.object_id, waiting.change_type, waiting.attempts) == ("bad", "CREATED", 1)
    assert "this entry cannot be read" in waiting.error
    assert resource.put_aside_due_at == waiting.next_try_at
    assert PollRun.objects.latest("pk").put_aside == 1


def test_it_is_tried_again_with_growing_pauses_and_told_once_it_can_be_read(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        poll(resource)
        pauses = []
        for _ in range(8):
            waiting = PutAsideObject.objects.get()
            pauses.append(round((waiting.next_try_at - timezone.now()).total_seconds() / 60))
            clock.move_to(waiting.next_try_at)
            poll_all_due()
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        runs = PollRun.objects.count()
        assert PutAsideObject.objects.get().attempts == 9
        ledger.poisoned.clear()
        clock.move_to(PutAsideObject.objects.get().next_try_at)
        poll_all_due()
    assert told(resource) == [("bad", "CREATED")]
    assert PutAsideObject.objects.count() == 0
    resource.refresh_from_db()
    assert resource.put_aside_due_at is None
    assert PollRun.objects.count() == runs + 1  # the tries in between wrote none


def test_a_try_comes_when_it_is_due_though_the_interval_is_longer(
    resource: PollingResource, ledger: Ledger
) -> None:
    PollingResource.objects.update(interval=86_400)
    ledger.add("bad")
    ledger.poisoned.add("bad")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        poll(resource)
        ledger.poisoned.clear()
        clock.shift(timedelta(minutes=1))
        poll_all_due()
    assert told(resource) == [("bad", "CREATED")]


def test_what_was_created_stays_so_though_it_changes_while_it_waits(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    poll(resource)
    ledger.poisoned.clear()
    ledger.change("bad")
    poll(resource)  # found by its change, before its next try is due
    assert told(resource) == [("bad", "CREATED")]
    assert PutAsideObject.objects.count() == 0


def test_a_new_word_on_a_failing_object_keeps_its_pause(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    with time_machine.travel(timezone.now(), tick=False):
        poll(resource)
        ledger.change("bad")
        poll(resource)
    waiting = PutAsideObject.objects.get()
    assert (waiting.change_type, waiting.attempts) == ("CREATED", 2)


def test_one_that_is_deleted_while_it_waits_is_told_as_deleted(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    poll(resource)
    ledger.delete("bad")
    poll(resource)
    assert told(resource) == [("bad", "DELETED")]
    assert PutAsideObject.objects.count() == 0


def test_one_that_turns_out_to_be_gone_is_counted_and_leaves_its_row(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        poll(resource)
        ledger.poisoned.clear()
        del ledger.versions["bad"]
        clock.shift(timedelta(minutes=1))
        poll_all_due()
    assert told(resource) == []
    assert PutAsideObject.objects.count() == 0
    assert PollRun.objects.latest("pk").missing == 1


def test_many_poisoned_objects_do_not_keep_new_ones_waiting(
    resource: PollingResource, ledger: Ledger
) -> None:
    bad = [f"bad-{number:02}" for number in range(12)]
    ledger.add(*bad)
    ledger.poisoned.update(bad)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        poll(resource)
        assert set(PutAsideObject.objects.values_list("attempts", flat=True)) == {1}
        ledger.add("good")
        clock.shift(timedelta(minutes=1))
        poll_all_due()
    assert told(resource) == [("good", "CREATED")]
    assert PutAsideObject.objects.count() == 12


def put_aside(resource: PollingResource, count: int, *, attempts: int) -> None:
    PutAsideObject.objects.bulk_create(
        PutAsideObject(
            resource=resource,
            object_id=f"{number:03}",
            change_type="CREATED",
            attempts=attempts,
            next_try_at=timezone.now(),
        )
        for number in range(count)
    )
    PutAsideObject.objects.update(next_try_at=timezone.now())


def test_of_those_that_failed_together_everyone_comes_first_at_times(
    resource: PollingResource,
) -> None:
    put_aside(resource, 100, attempts=1)
    first = {due_put_aside(resource.pk, timezone.now())[0].object_id for _ in range(20)}
    assert len(first) > 1  # one of 20 by chance: 1 in 10**38


def test_those_that_only_wait_their_turn_keep_their_order(resource: PollingResource) -> None:
    put_aside(resource, 100, attempts=0)
    asked = [one.object_id for one in due_put_aside(resource.pk, timezone.now())]
    assert asked == sorted(asked)
