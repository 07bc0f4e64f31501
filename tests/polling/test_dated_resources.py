"""A listing that is polled by dates: what is stored, and what becomes of it when its entry changes.

How it reads is in tests/elements/test_dated_listings.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from elements import dated
from elements.poller import parse
from instances.configuration import element_of
from polling import poll_now
from polling.dry_run import dry_run
from polling.models import PolledObject, PollingResource, PollRun, PutAsideObject
from polling.representation import polling_of

from .conftest import connect_shelf, saved
from .shelf import Shelf, ShelfServer
from .telling import poll, told

pytestmark = pytest.mark.django_db

START = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECONDS = "yyyy-MM-dd'T'HH:mm:ss'Z'"
DATED = {
    "url": "/hubs/general/items?since=${gmtDate:" + SECONDS + "}",
    "idField": "id",
    "datesConfiguration": {
        "updatedDateField": "updated",
        "updatedDateFormat": SECONDS,
        "createdDateField": "created",
        "createdDateFormat": SECONDS,
    },
}
COMPARED = {"url": "/hubs/general/items", "idField": "id"}
NAMES = {"url": DATED["url"].replace("items", "names"), "idField": "id"}  # type: ignore[attr-defined]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as clock:
        yield clock


@pytest.fixture
def shelf(shelves: ShelfServer, clock: time_machine.Traveller) -> Shelf:
    shelf = shelves.shelves["secret"]
    put(shelf, "old", -1440)
    return shelf


def put(shelf: Shelf, id_: str, minutes: float, **fields: Any) -> None:
    """The record as of so many minutes after START."""
    time = (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    created = shelf.items.get(id_, {}).get("created", time)
    shelf.put(id_, created=created, updated=time, **fields)


def started(organization: Organization, poller: dict[str, Any]) -> PollingResource:
    instance = connect_shelf(organization, "secret", poller)
    poll_now.start_new(instance.pk)
    return PollingResource.objects.get(instance=instance, name=next(iter(poller)))


@pytest.fixture
def items(organization: Organization, shelf: Shelf) -> PollingResource:
    return started(organization, {"items": DATED})


def configured(resource: PollingResource, poller: dict[str, Any]) -> None:
    instance = resource.instance
    instance.configuration["event.poller.configuration"] = json.dumps(poller)
    saved(instance)
    resource.refresh_from_db()


def asked(shelf: Shelf) -> list[str]:
    return [request.partition("since=")[2].partition("&")[0] for request in shelf.requests]


def test_each_poll_asks_from_the_one_before_and_tells_what_is_new(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    for minutes in (15, 30):
        clock.move_to(START + timedelta(minutes=minutes))
        put(shelf, "old", minutes - 1)
        put(shelf, f"new{minutes}", minutes - 2)
        poll(items)
    assert sorted(told(items)) == [
        ("new15", "CREATED"), ("new30", "CREATED"), ("old", "UPDATED"), ("old", "UPDATED"),
    ]  # fmt: skip
    times = [one.replace("%3A", ":")[11:16] for one in asked(shelf)]
    # Each asks for a second page, which is empty; so from the one before the last, as of several.
    assert times == ["11:59"] * 5
    clock.move_to(START + timedelta(minutes=45))
    poll(items)
    assert [one.replace("%3A", ":")[11:16] for one in asked(shelf)][5:] == ["12:14"] * 2


def test_a_poll_that_fails_keeps_the_place(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    before = items.cursor
    put(shelf, "new", 5)
    clock.move_to(START + timedelta(minutes=15))
    [page] = [request for request in shelf.requests if "since" in request]
    shelf.faults[page] = 400
    poll(items)
    assert (items.failures, items.cursor, told(items)) == (1, before, [])
    shelf.faults.clear()
    clock.move_to(START + timedelta(minutes=90))
    poll(items)
    assert told(items) == [("new", "CREATED")]


def test_an_idle_poll_writes_nothing_but_times_and_cursor(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    put(shelf, "new", 14.5)
    clock.move_to(START + timedelta(minutes=15))
    poll(items)
    runs = PollRun.objects.filter(resource=items).count()
    clock.move_to(START + timedelta(minutes=15.4))
    with CaptureQueriesContext(connection) as queries:
        poll(items)  # the same record once more
    assert told(items) == [("new", "CREATED")]
    assert PollRun.objects.filter(resource=items).count() == runs
    assert not [one for one in queries if "INSERT" in one["sql"]]


def test_a_date_that_cannot_be_read_is_seen_by_people(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    shelf.put("new", updated="sometime")
    clock.move_to(START + timedelta(minutes=15))
    poll(items)
    assert told(items) == [("new", "UPDATED")]
    [shown] = polling_of(items.instance)["resources"]
    assert 'without a date that can be read at updated ("sometime")' in shown["note"]
    assert shown["error"] is None
    del shelf.items["new"]
    poll(items)
    assert polling_of(items.instance)["resources"][0]["note"] is None


@pytest.mark.django_db(transaction=True)
def test_what_was_found_is_dropped_when_the_row_was_taken_back(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    def take_back(path: str) -> None:
        shelf.hook = None
        PollingResource.objects.update(lease_id=None, lease_until=None)
        connection.close()  # this thread's

    put(shelf, "new", 5)
    clock.move_to(START + timedelta(minutes=15))
    shelf.hook = take_back
    [report] = poll_now.poll_now(items.instance)
    assert (report.status, told(items)) == ("dropped", [])
    poll(items)
    assert told(items) == [("new", "CREATED")]


def test_a_changed_entry_keeps_its_time_and_that_of_the_others(
    organization: Organization, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    items = started(organization, {"items": DATED, "names": NAMES})
    names = PollingResource.objects.get(instance=items.instance, name="names")
    before = names.cursor
    put(shelf, "new", 5, colour="red")
    clock.move_to(START + timedelta(minutes=15))
    configured(items, {"items": {**DATED, "url": f"{DATED['url']}&colour=red"}, "names": NAMES})
    names.refresh_from_db()
    assert names.cursor == before
    poll(items)
    assert told(items) == [("new", "CREATED")]
    names.refresh_from_db()
    before = names.cursor
    configured(names, {"names": NAMES})
    assert names.cursor == before


@pytest.mark.parametrize("entry", [COMPARED, {**DATED, "idField": "colour"}])
def test_another_way_of_polling_begins_anew(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller, entry: dict[str, Any]
) -> None:
    shelf.items.clear()
    put(shelf, "new", 5, colour="red")
    clock.move_to(START + timedelta(minutes=15))
    configured(items, {"items": entry})
    poll(items)
    assert told(items) == []
    put(shelf, "later", 16, colour="blue")
    clock.move_to(START + timedelta(minutes=30))
    poll(items)
    assert [type_ for _, type_ in told(items)] == ["CREATED"]
    configured(items, {"items": DATED})
    poll(items)
    assert len(told(items)) == 1


@pytest.mark.parametrize("entry", [COMPARED, DATED], ids=["compared", "dated"])
def test_a_backfill_that_is_asked_for_later_tells_of_everything(
    organization: Organization,
    shelf: Shelf,
    clock: time_machine.Traveller,
    entry: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dated, "MOST_TOLD", 2)
    for number in range(4):
        put(shelf, f"n{number}", number - 100)
    items = started(organization, {"items": entry})
    poll(items)
    assert told(items) == []
    configured(items, {"items": {**entry, "backfill": True}})
    poll(items)
    everything = [(id_, "CREATED") for id_ in ("n0", "n1", "n2", "n3", "old")]
    assert [id_ for id_, _ in sorted(told(items))] == [id_ for id_, _ in everything]
    for on in (False, True):
        items.instance.events_enabled = on
        saved(items.instance)
    poll(items)
    assert len(told(items)) == 5  # what was told is known
    configured(items, {"items": entry})
    poll(items)
    assert len(told(items)) == 5


def test_a_backfill_of_a_listing_that_is_compared_tells_no_deletion_of_what_it_never_told(
    organization: Organization, shelf: Shelf
) -> None:
    items = started(organization, {"items": COMPARED})
    instance = items.instance
    instance.events_enabled = False
    saved(instance)
    shelf.items.clear()
    put(shelf, "new", 0)
    instance.events_enabled = True
    configured(items, {"items": {**COMPARED, "backfill": True}})
    poll(items)
    assert told(items) == [("new", "CREATED")]
    poll(items)
    assert told(items) == [("new", "CREATED")]


def test_where_only_ids_are_listed_a_new_one_is_read(
    organization: Organization, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    names = started(organization, {"names": NAMES})
    put(shelf, "a", 5, colour="red")
    put(shelf, "b", 5)
    shelf.faults["/items/b"] = 400
    clock.move_to(START + timedelta(minutes=15))
    poll(names)
    assert told(names) == [("a", "CREATED")]
    assert PutAsideObject.objects.get(resource=names).object_id == "b"
    put(shelf, "a", 15)
    poll(names)
    assert told(names) == [("a", "CREATED")]
    assert shelf.requests.count("/items/b") == 1  # it waits longer than that
    shelf.faults.clear()
    clock.move_to(START + timedelta(hours=3))
    poll(names)
    assert told(names) == [("a", "CREATED"), ("b", "CREATED")]
    assert not PutAsideObject.objects.exists()
    assert set(PolledObject.objects.values_list("object_id", flat=True)) == {"a", "b"}


def test_a_dry_run_asks_from_the_same_time_and_moves_nothing(
    items: PollingResource, shelf: Shelf, clock: time_machine.Traveller
) -> None:
    put(shelf, "new", 5)
    clock.move_to(START + timedelta(minutes=15))
    [found] = dry_run(items.instance)
    assert [(one.object_id, one.change_type.value) for one in found.changes] == [("new", "CREATED")]
    url = f"{DATED['url']}&colour=red"
    [entry] = parse({"items": {**DATED, "url": url}}, element_of(items.instance)).values()
    [other] = dry_run(items.instance, entry=entry)
    assert (other.report.error, list(other.changes)) == ("", [])
    assert "colour=red" in shelf.requests[-1]
    before = items.cursor
    items.refresh_from_db()
    assert (items.cursor, told(items)) == (before, [])
    poll(items)
    assert told(items) == [("new", "CREATED")]
