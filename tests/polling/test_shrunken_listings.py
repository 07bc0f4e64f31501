"""A listing that has lost most of its records: they are told as deleted by the second poll that
misses them, and what is listed again meanwhile never is."""

from __future__ import annotations

import pytest

from accounts.models import Organization
from elements import snapshot
from polling import poll_now
from polling.models import PolledObject, PollingResource

from .conftest import connect_shelf
from .shelf import Shelf, ShelfServer
from .telling import poll, told

pytestmark = pytest.mark.django_db

IDS = "abcdefgh"
ITEMS = {"url": "/hubs/general/items", "idField": "id"}


@pytest.fixture
def shelf(shelves: ShelfServer) -> Shelf:
    shelf = shelves.shelves["secret"]
    shelf.put(*IDS)
    return shelf


@pytest.fixture
def items(organization: Organization, shelf: Shelf) -> PollingResource:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    poll_now.start_new(instance.pk)
    return PollingResource.objects.get(instance=instance)


def hide(shelf: Shelf, ids: str) -> None:
    for id_ in ids:
        del shelf.items[id_]


def fingerprints(items: PollingResource) -> list[str]:
    return list(PolledObject.objects.filter(resource=items).values_list("fingerprint", flat=True))


@pytest.mark.parametrize("missing", ["abcde", "abcdefg", IDS])
def test_most_of_a_listing_is_deleted_by_two_polls(
    items: PollingResource, shelf: Shelf, missing: str
) -> None:
    hide(shelf, missing)
    shelf.put("new")
    poll(items)
    assert told(items) == [("new", "CREATED")]
    assert f"{len(missing)} of 8 records are listed no more" in items.note
    poll(items)
    assert sorted(told(items)[1:]) == [(id_, "DELETED") for id_ in missing]
    assert items.note == ""
    poll(items)
    assert len(told(items)) == 1 + len(missing)


@pytest.mark.parametrize("missing", ["a", "abc", "abcd"])
def test_half_of_a_listing_is_deleted_at_once(
    items: PollingResource, shelf: Shelf, missing: str
) -> None:
    hide(shelf, missing)
    poll(items)
    assert sorted(told(items)) == [(id_, "DELETED") for id_ in missing]


def test_what_is_listed_again_was_never_gone(items: PollingResource, shelf: Shelf) -> None:
    before = sorted(fingerprints(items))
    hide(shelf, "abcdef")
    poll(items)
    shelf.put(*"abcde")
    poll(items)
    assert told(items) == [("f", "DELETED")]
    shelf.put("f")
    poll(items)
    assert told(items)[1:] == [("f", "CREATED")]
    assert sorted(fingerprints(items)) == before  # without a mark

    hide(shelf, "abcdef")
    poll(items)
    assert len(told(items)) == 2  # missed for the first time, once more


def test_what_comes_back_otherwise_is_changed(items: PollingResource, shelf: Shelf) -> None:
    hide(shelf, "abcdef")
    poll(items)
    shelf.put(*"abcdef", colour="blue")
    poll(items)
    assert sorted(told(items)) == [(id_, "UPDATED") for id_ in "abcdef"]


def test_two_halves_that_are_missing_in_turn_are_no_deletion(
    items: PollingResource, shelf: Shelf
) -> None:
    everything = dict(shelf.items)
    for hidden in ("abcde", "defgh"):
        shelf.items = {id_: one for id_, one in everything.items() if id_ not in hidden}
        poll(items)
        told_of = {id_ for id_, _ in told(items)}
        assert told_of <= set("de")  # what two polls in a row have missed
    shelf.items = everything
    poll(items)
    assert {id_ for id_, _ in told(items)} <= set("de")


def test_a_poll_that_fails_between_is_no_second_look(items: PollingResource, shelf: Shelf) -> None:
    hide(shelf, "abcdef")
    poll(items)
    page = "/items?limit=3&page=1"
    shelf.faults[page] = 400
    poll(items)
    assert told(items) == []
    shelf.faults.clear()
    poll(items)
    assert len(told(items)) == 6


def test_what_follows_at_once_is_no_second_look(
    items: PollingResource, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_TOLD", 3)
    shelf.items.clear()
    shelf.put(*(f"new-{number}" for number in range(7)))
    (report,) = poll_now.poll_now(items.instance)
    assert (report.created, report.deleted) == (7, 0)
    (report,) = poll_now.poll_now(items.instance)
    assert report.deleted == 8
