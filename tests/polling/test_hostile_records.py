"""Records as no provider should list them, in each way of polling: nobody's poll breaks by them,
and what receivers get is JSON whatever was in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.models import Organization
from events.models import Event
from polling import poll_now
from polling.models import PollingResource, PutAsideObject

from .conftest import connect_shelf
from .shelf import Shelf, ShelfServer
from .telling import poll, told

pytestmark = pytest.mark.django_db

ITEMS = {"url": "/hubs/general/items", "idField": "id"}
DATES = {
    "updatedDateField": "updated",
    "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ssXXX",
    "createdDateField": "meta.created",
    "createdDateFormat": "milliseconds",
}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "compared": ("items", ITEMS),
    "ids only": ("names", {"url": "/hubs/general/names", "idField": "id"}),
    "by dates": ("items", {**ITEMS, "datesConfiguration": DATES}),
}
NO_IDS: list[Any] = [None, {}, ["a"], 1.5, True, "", "a\0b", "\ud800", "x" * 501, float("nan")]
ODD_IDS: list[Any] = [10**30, -5, 0, "  ", "../x", "a/b", "a?b=c#d", "..", "é😀"]
ODD_VALUES: list[Any] = [
    float("nan"), float("-inf"), "a\0b", "\ud800", 10**4000, -(10**20), 1e300, True, {}, [], [[{}]],
    "9999-99-99", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-18:00", "0001-01-01T00:00:00+18:00",
    99_999_999_999_999, -62_135_596_800_001, "2026-01-01T00:00:00" + "9" * 5_000,
]  # fmt: skip


@pytest.fixture
def shelf(shelves: ShelfServer) -> Shelf:
    shelf = shelves.shelves["secret"]
    shelf.put("a")
    return shelf


def started(organization: Organization, way: str) -> PollingResource:
    name, entry = WAYS[way]
    instance = connect_shelf(organization, "secret", {name: entry})
    poll_now.start_new(instance.pk)
    return PollingResource.objects.get(instance=instance)


@pytest.mark.parametrize("way", WAYS)
def test_a_record_without_a_usable_id_is_named_and_nothing_is_passed_over(
    way: str, organization: Organization, shelf: Shelf
) -> None:
    resource = started(organization, way)
    shelf.put("c")
    for number, id_ in enumerate(NO_IDS, 1):
        shelf.items["odd"] = {"id": id_}
        poll(resource)
        assert resource.failures == number
        assert "id" in resource.error
        assert "connector failed" not in resource.error
    assert told(resource) == []

    del shelf.items["odd"]
    poll(resource)
    assert (resource.failures, [id_ for id_, _ in told(resource)]) == (0, ["c"])


@pytest.mark.parametrize("way", WAYS)
def test_any_other_id_is_one(way: str, organization: Organization, shelf: Shelf) -> None:
    resource = started(organization, way)
    for id_ in ODD_IDS:
        shelf.items[str(id_)] = {"id": id_}
    for _ in range(2):
        poll(resource)
        assert (resource.failures, resource.error) == (0, "")

    ids = [id_ for id_, _ in told(resource)]
    if way == "ids only":  # none of them has a record at its address but those that are sent whole
        assert set(ids) <= {str(id_) for id_ in ODD_IDS}
        assert {one.object_id for one in PutAsideObject.objects.all()} == {".."}
    else:
        assert sorted(ids) == sorted(str(id_) for id_ in ODD_IDS)


@pytest.mark.parametrize("way", WAYS)
def test_odd_values_are_told_once_as_json(
    way: str, organization: Organization, shelf: Shelf
) -> None:
    resource = started(organization, way)
    for number, value in enumerate(ODD_VALUES):
        shelf.put(f"i{number:02d}", updated=value, meta={"created": value}, other=value)
    for _ in range(2):
        poll(resource)
        assert (resource.failures, resource.error) == (0, "")

    assert sorted(id_ for id_, _ in told(resource)) == [f"i{n:02d}" for n in range(len(ODD_VALUES))]
    for event in Event.objects.all():
        event.body.encode()
        json.loads(event.body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
