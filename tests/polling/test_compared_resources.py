"""A resource without a change feed: its listing is compared with that of the poll before."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Organization
from elements import snapshot
from elements.errors import ConfigurationError
from elements.long_look import READ_ANEW, Place
from events.models import Event
from polling import poll as poll_module
from polling import poll_now
from polling.models import PolledObject, PollingResource, PollRun, PutAsideObject

from .conftest import connect_shelf, saved
from .ledger import Ledger
from .shelf import Shelf, ShelfServer
from .telling import end_polls_after, poll, told

pytestmark = pytest.mark.django_db

ITEMS = {"url": "/hubs/general/items", "idField": "id"}
NAMES = {"url": "/hubs/general/names", "idField": "id"}
LAST_PAGE = "/items?limit=3&page=2"


@pytest.fixture
def shelf(shelves: ShelfServer) -> Shelf:
    """Four items: two pages."""
    shelf = shelves.shelves["secret"]
    shelf.put("a", "b", "c", "d", colour="red")
    return shelf


def started(organization: Organization, poller: dict[str, Any]) -> PollingResource:
    instance = connect_shelf(organization, "secret", poller)
    poll_now.start_new(instance.pk)
    return PollingResource.objects.get(instance=instance)


@pytest.fixture
def items(organization: Organization, shelf: Shelf) -> PollingResource:
    return started(organization, {"items": ITEMS})


@pytest.fixture
def names(organization: Organization, shelf: Shelf) -> PollingResource:
    return started(organization, {"names": NAMES})


def known(resource: PollingResource) -> set[str]:
    return set(PolledObject.objects.filter(resource=resource).values_list("object_id", flat=True))


def failed(resource: PollingResource) -> str:
    """Polls, and the error that it came to."""
    poll(resource)
    assert resource.failures > 0
    return resource.error


def test_the_first_poll_takes_the_picture_and_tells_nothing(items: PollingResource) -> None:
    assert told(items) == []
    assert known(items) == {"a", "b", "c", "d"}
    assert PollRun.objects.get(resource=items).outcome == "started"
    poll(items)
    assert told(items) == []


def test_what_is_created_changed_and_deleted_is_told(items: PollingResource, shelf: Shelf) -> None:
    shelf.put("e", size=5)
    shelf.put("b", colour="blue")
    del shelf.items["c"]
    poll(items)
    assert sorted(told(items)) == [("b", "UPDATED"), ("c", "DELETED"), ("e", "CREATED")]
    assert known(items) == {"a", "b", "d", "e"}
    (event,) = Event.objects.filter(instance_id=items.instance_id)
    raw = json.loads(event.body)["message"]["raw"]["items"]
    assert {"id": "e", "size": 5} in raw
    assert {"id": "b", "colour": "blue"} in raw
    assert {"id": "c"} in raw

    poll(items)
    assert len(told(items)) == 3


def test_what_comes_back_after_it_was_deleted_is_created(
    items: PollingResource, shelf: Shelf
) -> None:
    del shelf.items["a"]
    poll(items)
    shelf.put("a", colour="red")
    poll(items)
    assert told(items) == [("a", "DELETED"), ("a", "CREATED")]


def test_the_order_of_fields_and_records_does_not_matter(
    items: PollingResource, shelf: Shelf
) -> None:
    shelf.items = {
        id_: dict(reversed(record.items())) for id_, record in reversed(shelf.items.items())
    }
    poll(items)
    assert told(items) == []


def test_a_listing_that_breaks_off_deletes_nothing(items: PollingResource, shelf: Shelf) -> None:
    shelf.put("e", "f")
    shelf.faults[LAST_PAGE] = 400
    assert "the provider answered 400" in failed(items)
    assert told(items) == []
    assert known(items) == {"a", "b", "c", "d"}

    shelf.faults.clear()
    poll(items)
    assert sorted(told(items)) == [("e", "CREATED"), ("f", "CREATED")]


def test_a_record_that_moves_between_pages_is_not_deleted(
    items: PollingResource, shelf: Shelf
) -> None:
    """While the second page is read, a record of the first goes: another moves to its page."""

    def move(path: str) -> None:
        if path == LAST_PAGE:
            shelf.hook = None
            del shelf.items["a"]

    shelf.hook = move
    poll(items)
    assert told(items) == []  # "a" was listed, and "d" on neither page
    poll(items)
    assert told(items) == [("a", "DELETED")]


def test_an_empty_listing_is_believed_when_it_is_empty_twice(
    items: PollingResource, shelf: Shelf
) -> None:
    everything = dict(shelf.items)

    def fill(path: str) -> None:
        if shelf.requests.count("/items?limit=3&page=1") == asked + 2:
            shelf.items.update(everything)

    shelf.items.clear()
    shelf.hook = fill
    asked = shelf.requests.count("/items?limit=3&page=1")
    poll(items)
    assert told(items) == []

    shelf.hook = None
    shelf.items.clear()
    poll(items)
    poll(items)
    assert sorted(told(items)) == [(id_, "DELETED") for id_ in "abcd"]
    assert known(items) == set()


def test_an_idle_poll_asks_and_writes_no_object(items: PollingResource) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        poll(items)
    statements = [one["sql"] for one in queries]
    assert any("polling_pollingresource" in one for one in statements)
    assert not any("polledobject" in one for one in statements)
    assert PollRun.objects.filter(resource=items).count() == 1


def test_a_condition_and_parameters_say_what_is_listed(
    organization: Organization, shelf: Shelf
) -> None:
    url = "/hubs/general/items?colour=red&where=size>3"
    shelf.put("e", colour="red", size=9)
    resource = started(organization, {"items": {**ITEMS, "url": url}})
    assert known(resource) == {"e"}
    assert "/items?limit=3&page=1&colour=red" in shelf.requests or (
        "/items?colour=red&limit=3&page=1" in shelf.requests
    )
    shelf.put("f", colour="blue", size=9)
    shelf.put("a", colour="red", size=9)
    shelf.put("e", colour="red", size=1)
    poll(resource)
    assert sorted(told(resource)) == [("a", "CREATED"), ("e", "DELETED")]


@pytest.mark.parametrize("id_", ["\ud800", "a\0b", "x" * 501, {"no": "id"}])
def test_whatever_id_a_record_has_that_is_left_out_it_holds_nobody_up(
    organization: Organization,
    items: PollingResource,
    shelf: Shelf,
    shelves: ShelfServer,
    id_: Any,
) -> None:
    url = "/hubs/general/items?where=colour='red'"
    instance = connect_shelf(organization, "other", {"items": {**ITEMS, "url": url}})
    filtering = PollingResource.objects.get(instance=instance)
    shelves.shelves["other"].put("a", colour="red")
    shelves.shelves["other"].items["odd"] = {"id": id_, "colour": "blue"}
    shelf.put("e")

    PollingResource.objects.filter(pk=items.pk).update(next_poll_at=timezone.now())
    poll(filtering)

    assert (filtering.failures, filtering.error) == (0, "")
    assert known(filtering) == {"a"}
    assert told(items) == [("e", "CREATED")]


def test_another_url_or_id_field_begins_anew(items: PollingResource, shelf: Shelf) -> None:
    shelf.put("x", colour="blue", code=7)
    instance = items.instance
    for entry in (
        {**ITEMS, "url": "/hubs/general/items?colour=blue"},
        {**ITEMS, "idField": "code"},
    ):
        shelf.items = {id_: one for id_, one in shelf.items.items() if "code" in one}
        instance.configuration["event.poller.configuration"] = json.dumps({"items": entry})
        saved(instance)
        poll(items)
        assert told(items) == []
    assert known(items) == {"7"}


def test_the_id_may_stand_within_the_record(organization: Organization, shelf: Shelf) -> None:
    shelf.items = {"a": {"user": {"id": 1}}, "b": {"user": {"id": 2}}}
    resource = started(organization, {"items": {**ITEMS, "idField": "user.id"}})
    del shelf.items["a"]
    poll(resource)
    assert told(resource) == [("1", "DELETED")]
    (event,) = Event.objects.filter(instance_id=resource.instance_id)
    assert json.loads(event.body)["message"]["raw"]["items"] == [{"user": {"id": "1"}}]


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": ""}, {"id": True}, {"id": {}}])
def test_records_without_an_id_fail_the_poll(
    items: PollingResource, shelf: Shelf, record: dict[str, Any]
) -> None:
    shelf.items["e"] = record
    assert "has no id at id: set idField" in failed(items)


@pytest.mark.parametrize("id_", ["x" * 501, "a\0b", "\ud800"])
def test_an_id_that_cannot_be_stored_fails_the_poll(
    items: PollingResource, shelf: Shelf, id_: str
) -> None:
    shelf.put(id_)
    assert "the id of a record is not text of 1 to 500 characters" in failed(items)


def test_too_many_records_fail_the_poll(
    items: PollingResource, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_RECORDS", 4)
    poll(items)
    assert items.failures == 0
    shelf.put("e")
    assert "lists more than 4 records" in failed(items)
    assert told(items) == []


def test_too_many_records_that_are_left_out_fail_the_poll(
    organization: Organization, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MAX_LEFT_OUT", 4)
    url = "/hubs/general/items?where=colour='blue'"
    resource = started(organization, {"items": {**ITEMS, "url": url}})
    poll(resource)
    assert resource.failures == 0
    shelf.put("e", colour="red")
    assert "more than 4 records that the where of its url leaves out" in failed(resource)


def test_paging_that_leads_nowhere_fails_the_poll(items: PollingResource, shelf: Shelf) -> None:
    full = {"items": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}
    shelf.answer = lambda path, query: (200, full)  # type: ignore[method-assign]
    assert "answers the first page again" in failed(items)
    assert told(items) == []


def test_of_many_changes_each_poll_tells_some_and_none_is_lost(
    items: PollingResource, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_TOLD", 3)
    shelf.items.clear()
    shelf.put(*(f"new-{number}" for number in range(8)))
    (report,) = poll_now.poll_now(items.instance)
    assert (report.created, report.deleted, report.put_aside) == (8, 4, 0)
    assert sorted(told(items)) == sorted(
        [(id_, "DELETED") for id_ in "abcd"] + [(f"new-{number}", "CREATED") for number in range(8)]
    )


def test_more_to_tell_is_told_by_the_next_poll_at_once(
    items: PollingResource, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "LARGEST_HELD", 30)
    for id_ in "abcd":
        shelf.put(id_, colour="blue")
    poll(items)  # until nothing is due
    assert sorted(told(items)) == [(id_, "UPDATED") for id_ in "abcd"]
    assert Event.objects.filter(instance_id=items.instance_id).count() == 4


def test_where_only_ids_are_listed_new_records_are_read(
    names: PollingResource, shelf: Shelf
) -> None:
    shelf.put("a", colour="blue")  # nobody sees it
    shelf.put("e", colour="green")
    del shelf.items["b"]
    poll(names)
    assert sorted(told(names)) == [("b", "DELETED"), ("e", "CREATED")]
    (event,) = Event.objects.filter(instance_id=names.instance_id)
    assert {"id": "e", "colour": "green"} in json.loads(event.body)["message"]["raw"]["names"]
    poll(names)
    assert len(told(names)) == 2


def test_a_new_record_that_cannot_be_read_is_put_aside(
    names: PollingResource, shelf: Shelf
) -> None:
    shelf.put("e", "f", "g")
    shelf.faults = {"/items/e": 500, "/items/f": 400}
    poll(names)
    assert told(names) == [("g", "CREATED")]
    assert PutAsideObject.objects.filter(resource=names).count() == 2

    shelf.put("h")
    poll(names)
    assert told(names) == [("g", "CREATED"), ("h", "CREATED")]
    assert shelf.requests.count("/items/f") == 1  # it waits longer than that

    shelf.faults.clear()
    del shelf.items["f"]
    PutAsideObject.objects.update(next_try_at=names.created_at)
    PollingResource.objects.update(put_aside_due_at=names.created_at)
    poll(names)
    assert told(names)[2:] == [("e", "CREATED")]
    assert not PutAsideObject.objects.exists()
    assert known(names) == {"a", "b", "c", "d", "e", "g", "h"}


def test_what_is_put_aside_is_let_go_when_another_listing_begins(
    names: PollingResource, shelf: Shelf
) -> None:
    shelf.put("e")
    shelf.faults["/items/e"] = 400
    poll(names)
    assert PutAsideObject.objects.filter(resource=names).exists()
    instance = names.instance
    entry = {**NAMES, "url": "/hubs/general/names?where=id!='x'"}
    instance.configuration["event.poller.configuration"] = json.dumps({"names": entry})
    saved(instance)
    poll(names)
    assert not PutAsideObject.objects.exists()
    assert known(names) == {"a", "b", "c", "d", "e"}
    assert told(names) == []


def test_many_new_ids_are_read_some_at_a_time(
    names: PollingResource, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_FETCHED", 4)
    new = [f"new-{number}" for number in range(10)]
    shelf.put(*new)
    poll(names)
    assert sorted(told(names)) == [(id_, "CREATED") for id_ in new]
    assert all(shelf.requests.count(f"/items/{id_}") == 1 for id_ in new)


def test_a_key_that_is_refused_is_the_error(items: PollingResource, shelf: Shelf) -> None:
    shelf.faults["/items?limit=3&page=1"] = 401
    assert "configuration.api.key: refused" in failed(items)


def test_a_new_key_is_used_at_once(items: PollingResource, shelves: ShelfServer) -> None:
    instance = items.instance
    instance.secrets = json.dumps({"api.key": "another"})
    saved(instance)
    shelves.shelves["another"].put("a", "b", "c", "d", "z", colour="red")
    poll(items)
    assert told(items) == [("z", "CREATED")]


def test_events_switched_off_and_on_take_a_new_picture(
    items: PollingResource, shelf: Shelf
) -> None:
    instance = items.instance
    instance.events_enabled = False
    saved(instance)
    shelf.put("e")
    del shelf.items["a"]
    instance.events_enabled = True
    saved(instance)
    poll(items)
    assert told(items) == []
    assert known(items) == {"b", "c", "d", "e"}
    shelf.put("a")
    poll(items)
    assert told(items) == [("a", "CREATED")]


@pytest.mark.django_db(transaction=True)
def test_what_was_found_is_dropped_when_the_row_was_taken_back(
    items: PollingResource, shelf: Shelf
) -> None:
    """As when the instance is changed while its listing is read."""

    def take_back(path: str) -> None:
        shelf.hook = None
        PollingResource.objects.update(lease_id=None, lease_until=None)
        connection.close()  # this thread's

    shelf.put("e")
    shelf.hook = take_back
    (report,) = poll_now.poll_now(items.instance)
    assert report.status == "dropped"
    assert told(items) == []
    assert known(items) == {"a", "b", "c", "d"}
    poll(items)
    assert told(items) == [("e", "CREATED")]


# --- One resource in several ways ----------------------------------------------------------------


def test_one_resource_is_polled_in_several_ways_under_names_of_ones_own(
    organization: Organization, shelf: Shelf
) -> None:
    shelf.put("e", colour="blue")
    url = "/hubs/general/items"
    instance = connect_shelf(
        organization,
        "secret",
        {
            "items": ITEMS,
            "Red ones": {"url": f"{url}?where=colour='red'", "idField": "id"},
            "blue": {"url": f"{url}?colour=blue&shape=a%20cube", "idField": "id"},
        },
    )
    poll_now.start_new(instance.pk)
    rows = {row.name: row for row in PollingResource.objects.filter(instance=instance)}
    assert {name: known(row) for name, row in rows.items()} == {
        "items": {"a", "b", "c", "d", "e"},
        "Red ones": {"a", "b", "c", "d"},
        "blue": {"e"},
    }
    # The listing declares no shape: the provider is asked with it as it is written.
    shapes = [parse_qs(urlsplit(one).query).get("shape") for one in shelf.requests]
    assert ["a cube"] in shapes

    shelf.put("f", colour="blue")
    for row in rows.values():
        poll(row)
    assert {name: told(row) for name, row in rows.items()} == {
        "items": [("f", "CREATED")],
        "Red ones": [],
        "blue": [("f", "CREATED")],
    }
    raw = json.loads(Event.objects.get(object_type="blue").body)["message"]["raw"]
    assert (raw["objectType"], [one["id"] for one in raw["blue"]]) == ("blue", ["f"])


def test_what_the_platform_sends_itself_is_not_said_in_a_url(
    organization: Organization, shelf: Shelf
) -> None:
    for name in ("limit", "page"):
        url = f"/hubs/general/items?{name}=1"
        with pytest.raises(ConfigurationError, match=f"{name}: "):
            connect_shelf(organization, "secret", {"mine": {**ITEMS, "url": url}})


def test_a_listing_that_takes_longer_than_a_poll_says_what_helps(
    items: PollingResource, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_module, "LONGEST_POLL", 0.3)
    shelf.put("a")
    shelf.hook = lambda path: time.sleep(0.6)
    poll(items)
    shelf.hook = None
    assert "longer than 0.3 s" in items.error
    assert "a page of the listing that the next one could go on from" in items.error
    assert "where" in items.error
    assert told(items) == []


FIRST_PAGE = "/items?limit=3&page=1"


@pytest.fixture
def slow(
    organization: Organization, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> PollingResource:
    """Thirty items in ten pages, of which one poll can read three."""
    end_polls_after(3, monkeypatch)
    monkeypatch.setattr(snapshot, "MANY_PAGES", 1)
    shelf.items.clear()
    shelf.put(*(f"i{number:02}" for number in range(30)), colour="red")
    resource = started(organization, {"items": ITEMS})
    assert (resource.error, resource.note, told(resource)) == ("", "", [])
    assert len(known(resource)) == 30
    assert shelf.requests.count(FIRST_PAGE) == 1
    shelf.requests.clear()
    return resource


def test_a_listing_that_no_poll_can_read_to_its_end_is_read_in_several(
    slow: PollingResource, shelf: Shelf
) -> None:
    shelf.put("i01", "i28", colour="blue")
    shelf.put("new")
    del shelf.items["i05"], shelf.items["i29"]
    poll(slow)
    assert (slow.error, slow.note) == ("", "")
    assert shelf.requests.count(FIRST_PAGE) == 1
    assert sorted(told(slow)) == [
        ("i01", "UPDATED"), ("i05", "DELETED"), ("i28", "UPDATED"), ("i29", "DELETED"),
        ("new", "CREATED"),
    ]  # fmt: skip
    assert known(slow) == shelf.items.keys()
    poll(slow)
    assert len(told(slow)) == 5


def test_what_such_a_listing_does_not_show_and_the_provider_has_is_not_deleted(
    slow: PollingResource, shelf: Shelf
) -> None:
    """Whenever a page is about to be read, an item of the page before goes: the first of this page
    moves there, and is seen nowhere."""
    going = iter(["i00", "i04", "i08"])

    def move(path: str) -> None:
        if "page=1" not in path and (id_ := next(going, None)) is not None:
            del shelf.items[id_]

    shelf.hook = move
    poll(slow)
    assert {id_ for id_, _ in told(slow)} <= {"i00", "i04", "i08"}
    shelf.hook = None
    poll(slow)
    assert {*told(slow)} == {(id_, "DELETED") for id_ in ("i00", "i04", "i08")}


def test_a_look_goes_on_from_a_page_that_failed(slow: PollingResource, shelf: Shelf) -> None:
    shelf.put("i01", "i29", colour="blue")
    shelf.faults["/items?limit=3&page=7"] = 403
    assert "the provider answered 403" in failed(slow)
    assert told(slow) == [("i01", "UPDATED")]  # by a poll before, of the first pages
    shelf.faults.clear()
    poll(slow)
    assert told(slow) == [("i01", "UPDATED"), ("i29", "UPDATED")]
    assert shelf.requests.count(FIRST_PAGE) == 1


def test_a_look_begins_anew_where_the_provider_no_longer_knows_the_next_page(
    slow: PollingResource, shelf: Shelf
) -> None:
    shelf.put("i29", colour="blue")
    shelf.faults["/items?limit=3&page=7"] = 403
    failed(slow)
    place = Place.of(slow.cursor, str(slow.cursor).partition(".")[0])
    assert place is not None
    shelf.faults = {f"/items?limit=3&page={place.token.partition('.')[0]}": 404}
    poll(slow)
    assert (slow.error, slow.note) == ("", READ_ANEW)
    shelf.faults.clear()
    poll(slow)
    assert told(slow) == [("i29", "UPDATED")]
    assert slow.note == ""


def test_a_feed_that_takes_longer_than_a_poll_is_not_told_to_list_less(
    resource: PollingResource, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poll_module, "LONGEST_POLL", 0.3)
    ledger.hook = lambda path: time.sleep(0.6)
    poll(resource)
    ledger.hook = None
    assert resource.error == "the poll took longer than 0.3 s"
