"""Polling follows the instance: what is polled, how often, from where."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from elements.errors import ConfigurationError
from instances.models import ElementInstance
from polling.claim import claim_due
from polling.commit import commit
from polling.models import PollingResource, PollRun
from polling.poll import Failed
from polling.poll_now import start_new
from polling.tasks import remove_old_runs
from tests.all_due import poll_all_due

from .conftest import Connect, saved
from .ledger import Ledger, LedgerServer
from .telling import poll, told

pytestmark = pytest.mark.django_db


def entries(*names: str, **options: Any) -> dict[str, str]:
    poller = {name: {"url": f"/hubs/general/{name}", "idField": "id", **options} for name in names}
    return {"event.poller.configuration": json.dumps(poller)}


def test_a_connected_instance_is_polled_as_its_element_says(connect: Connect) -> None:
    instance = connect("ledger", refresh_interval=15)
    row = PollingResource.objects.get()
    assert (row.name, row.interval, row.active, row.cursor) == ("entries", 900, True, None)
    assert row.organization_id == instance.organization_id
    assert row.configuration == {"url": "/hubs/general/entries", "idField": "id"}


def test_options_of_an_entry_are_kept(connect: Connect) -> None:
    connect("ledger", configuration=entries("entries", pageSize=50))
    assert PollingResource.objects.get().configuration["pageSize"] == 50


@pytest.mark.parametrize(
    "columns", [{"events_enabled": False}, {"enabled": False}, {"valid": False}]
)
def test_nothing_is_polled_while_it_must_not(connect: Connect, columns: dict[str, Any]) -> None:
    connect("ledger", **columns)
    assert PollingResource.objects.get().active is False
    assert claim_due(10, timezone.now() + timedelta(days=1)) == []


def test_resources_come_and_go_and_the_others_keep_their_cursors(
    connect: Connect, resource: PollingResource
) -> None:
    instance = resource.instance
    instance.configuration = entries("entries", "drafts")
    saved(instance)
    resource.refresh_from_db()
    drafts = PollingResource.objects.get(name="drafts")
    assert (resource.cursor, drafts.cursor) == ("0", None)
    instance.configuration = entries("drafts")
    saved(instance)
    assert list(PollingResource.objects.all()) == [drafts]


def test_a_configuration_that_cannot_be_read_changes_nothing(resource: PollingResource) -> None:
    instance = resource.instance
    instance.configuration = {"event.poller.configuration": '{"plain": {}}'}
    with pytest.raises(ConfigurationError):
        saved(instance)
    assert list(PollingResource.objects.all()) == [resource]
    assert ElementInstance.objects.get().configuration == {}


def test_a_change_elsewhere_on_the_instance_leaves_a_running_poll_alone(
    resource: PollingResource,
) -> None:
    PollingResource.objects.update(next_poll_at=timezone.now())
    [claimed] = claim_due(1, timezone.now())
    resource.instance.name = "another name"
    saved(resource.instance)
    resource.refresh_from_db()
    assert resource.lease_id == claimed.lease_id


def test_a_change_of_how_it_is_polled_drops_what_a_running_poll_finds(
    resource: PollingResource,
) -> None:
    PollingResource.objects.update(next_poll_at=timezone.now())
    [claimed] = claim_due(1, timezone.now())
    resource.instance.refresh_interval = 2
    saved(resource.instance)
    report = commit(Failed(claimed, timezone.now(), "late"), timezone.now())
    resource.refresh_from_db()
    assert report is not None
    assert (report.status, resource.error) == ("dropped", "")


def test_a_shorter_interval_counts_from_the_last_poll(resource: PollingResource) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        resource.instance.refresh_interval = 999_999_999  # parked
        saved(resource.instance)
        poll(resource)
        assert resource.next_poll_at > timezone.now() + timedelta(days=365 * 50)
        last = timezone.now()
        clock.shift(timedelta(minutes=3))
        resource.instance.refresh_interval = 5
        saved(resource.instance)
        resource.refresh_from_db()
        assert resource.next_poll_at == last + timedelta(minutes=5)
        resource.instance.refresh_interval = 1
        saved(resource.instance)
        resource.refresh_from_db()
        assert resource.next_poll_at == timezone.now()


def test_a_resource_may_have_an_interval_of_its_own(
    connect: Connect, resource: PollingResource
) -> None:
    instance = resource.instance
    instance.configuration = entries("entries", "drafts")
    poller = json.loads(instance.configuration["event.poller.configuration"])
    poller["drafts"]["refreshInterval"] = "60"
    instance.configuration["event.poller.configuration"] = json.dumps(poller)
    saved(instance)
    resource.refresh_from_db()
    drafts = PollingResource.objects.get(name="drafts")
    assert (resource.interval, drafts.interval) == (60, 3600)
    instance.refresh_interval = 5
    saved(instance)
    intervals = PollingResource.objects.order_by("name").values_list("name", "interval")
    assert list(intervals) == [("drafts", 3600), ("entries", 300)]


def test_one_resource_is_switched_off_and_on_by_itself(
    resource: PollingResource, ledger: Ledger
) -> None:
    instance = resource.instance
    instance.configuration = entries("entries", enabled=False)
    saved(instance)
    ledger.add("a")
    poll(resource)
    assert (resource.active, resource.cursor, told(resource)) == (False, "0", [])
    instance.configuration = entries("entries")
    saved(instance)
    poll(resource)
    assert told(resource) == [("a", "CREATED")]


def test_what_is_put_aside_does_not_wait_for_a_longer_interval(
    resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("bad")
    ledger.poisoned.add("bad")
    poll(resource)
    due = resource.put_aside_due_at
    assert due is not None
    resource.instance.refresh_interval = 999_999_999
    saved(resource.instance)
    resource.refresh_from_db()
    assert resource.next_poll_at == due


def test_disabling_keeps_the_cursor_and_what_happened_meanwhile_is_told(
    resource: PollingResource, ledger: Ledger
) -> None:
    instance = resource.instance
    instance.enabled = False
    saved(instance)
    ledger.add("a")
    poll(resource)
    assert told(resource) == []
    instance.enabled = True
    saved(instance)
    poll_all_due()
    assert told(resource) == [("a", "CREATED")]


def test_events_switched_off_and_on_start_from_now_again(
    resource: PollingResource, ledger: Ledger
) -> None:
    instance = resource.instance
    ledger.add("bad")
    ledger.poisoned.add("bad")
    poll(resource)
    instance.events_enabled = False
    saved(instance)
    ledger.add("a")
    ledger.poisoned.clear()
    instance.events_enabled = True
    saved(instance)
    [report] = start_new(instance.pk)
    assert report.status == "started"
    ledger.add("b")
    poll(resource)
    assert told(resource) == [("b", "CREATED")]


@pytest.mark.django_db(transaction=True)
def test_it_starts_as_soon_as_it_is_committed(connect: Connect, provider: LedgerServer) -> None:
    provider.ledgers["ledger"].add("before")
    instance = connect("ledger", refresh_interval=60)
    provider.ledgers["ledger"].add("after")
    row = PollingResource.objects.get(instance=instance)
    assert row.cursor == "1"
    assert timezone.now() <= row.next_poll_at <= timezone.now() + timedelta(hours=1)
    poll(row)
    assert told(row) == [("after", "CREATED")]


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_fails_at_the_start_is_asked_again_soon(
    connect: Connect, provider: LedgerServer
) -> None:
    provider.ledgers["ledger"].faults = [403]
    connect("ledger", refresh_interval=60)
    row = PollingResource.objects.get()
    assert "403" in row.error
    assert row.next_poll_at <= timezone.now() + timedelta(seconds=10)
    assert not PollingResource.objects.filter(cursor__isnull=False).exists()
    poll(row)
    assert (row.cursor, row.error) == ("0", "")


def test_many_that_start_together_do_not_fall_due_together(
    connect: Connect, provider: LedgerServer
) -> None:
    now = timezone.now()
    for number in range(20):
        start_new(connect(f"account-{number}", refresh_interval=100).pk)
    due = sorted(PollingResource.objects.values_list("next_poll_at", flat=True))
    assert due[-1] - due[0] > timedelta(minutes=20)
    assert now < due[0]
    assert due[-1] <= timezone.now() + timedelta(minutes=100)


def test_missed_intervals_are_not_caught_up(resource: PollingResource, ledger: Ledger) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        poll(resource)
        due = resource.next_poll_at
        clock.move_to(due + timedelta(minutes=10, seconds=20))
        asked = len(ledger.requests)
        poll_all_due()
        resource.refresh_from_db()
        assert len(ledger.requests) == asked + 1
        assert resource.next_poll_at == due + timedelta(minutes=11)


def test_old_runs_are_removed(resource: PollingResource, ledger: Ledger) -> None:
    ledger.add("a")
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        poll(resource)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert remove_old_runs() == 1
        assert PollRun.objects.get().outcome == "found"
