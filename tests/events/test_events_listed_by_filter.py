"""Lists of events by type, status and time, and pages that hold while events arrive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from accounts.models import Organization
from accounts.provision import NewOrganization
from api import paging
from events.models import Delivery, DeliveryStatus, Event
from instances.models import ElementInstance
from tests.conftest import ClientFor
from tests.events.found import new_instance, record

pytestmark = pytest.mark.django_db
EVENTS = "/elements/api-v2/instances/events"
NEXT = "Elements-Next-Page-Token"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    return new_instance(organization.organization)


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


def listed(client: APIClient, **query: str) -> list[int]:
    answer = client.get(EVENTS, query)
    assert answer.status_code == 200, answer.content
    return [int(event["id"]) for event in answer.json()]


def recorded_at(instance: ElementInstance, *moments: datetime) -> list[int]:
    ids = []
    for moment in moments:
        with time_machine.travel(moment, tick=False):
            ids += record(instance)
    return ids


def test_by_type(instance: ElementInstance, client: APIClient) -> None:
    first, second = record(instance)[0], record(instance)[0]
    Event.objects.filter(pk=first).update(object_type="messages")

    assert listed(client, objectType="messages") == [first]
    assert listed(client, objectType="changed-messages") == [second]
    assert listed(client, objectType="none") == []


def test_by_status_in_any_case(instance: ElementInstance, client: APIClient) -> None:
    first, second = record(instance)[0], record(instance)[0]
    Event.objects.filter(pk=first).update(status="NOTIFIED")

    assert listed(client, status="notified") == [first]
    assert listed(client, status="NEW") == [second]


def each_word(organization: Organization) -> dict[str, list[int]]:
    """Events of every status, the latest first, told by themselves or by their delivery."""
    instance = new_instance(organization, url="https://example.com/events")
    ids = iter(recorded_at(instance, *(NOON + timedelta(minutes=n) for n in range(11))))
    found: dict[str, list[int]] = {"NEW": [], "DISPATCHED": [], "NOTIFIED": []}
    for status in DeliveryStatus.values:
        key = next(ids)
        Delivery.objects.filter(event=key).update(status=status)
        found["NOTIFIED" if status == "delivered" else "DISPATCHED"].insert(0, key)
    for word, *also in (
        ("NEW", ""), ("NOTIFIED", "disk"), ("DISPATCHED", "disk"), ("NOTIFIED", ""), ("NEW", "disk")
    ):  # fmt: skip
        key = next(ids)
        Event.objects.filter(pk=key).update(status=word, topic=also[0])
        delivery = Delivery.objects.filter(event=key)
        if word == "NOTIFIED" and not also[0]:  # as the version before wrote it
            delivery.update(status="delivered")
        else:
            delivery.delete()
        found[word].insert(0, key)
    return found


def test_an_event_is_listed_by_the_status_that_it_has(
    organization: NewOrganization, client: APIClient
) -> None:
    record(new_instance())  # somebody else's
    expected = each_word(organization.organization)
    told = client.get(EVENTS, {"pageSize": "100"}).json()

    for word, keys in expected.items():
        assert listed(client, status=word) == keys
        assert [int(one["id"]) for one in told if one["status"] == word] == keys
        assert all(bool(one["notifiedData"]) == (one["status"] == "NOTIFIED") for one in told)
        assert client.get(f"{EVENTS}/{keys[0]}").json()["status"] == word
        answer = client.get(EVENTS, {"status": word, "pageSize": "1"})
        assert answer.headers["Elements-Total-Count"] == str(len(keys))


def test_pages_of_a_status_hold_every_event_once(
    organization: NewOrganization, client: APIClient
) -> None:
    for word, keys in each_word(organization.organization).items():
        by_token, query = [], {"status": word, "pageSize": "1"}
        while True:
            answer = client.get(EVENTS, query)
            by_token += [int(event["id"]) for event in answer.json()]
            if NEXT not in answer.headers:
                break
            query["nextPage"] = answer.headers[NEXT]
        assert by_token == keys
        by_page = [
            *listed(client, status=word, pageSize="2"),
            *listed(client, status=word, pageSize="2", page="2"),
            *listed(client, status=word, pageSize="2", page="3"),
        ]
        assert by_page == keys


def test_by_status_between_two_times(organization: NewOrganization, client: APIClient) -> None:
    keys = each_word(organization.organization)["DISPATCHED"]  # of minutes 0, 1, 3 to 5, 8
    between = {"from": "2026-01-31T12:01:00Z", "to": "2026-01-31T12:05:00Z"}

    assert len(keys) == 6
    assert listed(client, status="DISPATCHED", **between) == keys[1:-1]
    assert listed(client, status="DISPATCHED", objectType="changed-messages") == keys
    assert listed(client, status="DISPATCHED", objectType="none") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"from": "2026-01-31T12:00:00Z"}, [2, 1]),
        ({"from": "2026-01-31T13:00:00+01:00"}, [2, 1]),
        ({"from": "2026-01-31T13:00:00 01:00"}, [2, 1]),
        ({"from": "2026-01-31T12:00:01"}, [2]),
        ({"to": "2026-01-31T12:00:00Z"}, [1, 0]),
        ({"to": "2026-01-31"}, [1, 0]),
        ({"from": "2026-01-31", "to": "2026-01-31"}, [1]),
        ({"from": "", "to": ""}, [2, 1, 0]),
    ],
)
def test_by_time_both_ends_included(
    instance: ElementInstance, client: APIClient, query: dict[str, str], found: list[int]
) -> None:
    day = timedelta(days=1)
    ids = recorded_at(instance, NOON - day, NOON, NOON + day)

    assert listed(client, **query) == [ids[place] for place in found]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"status": "LOST"}, "status must be one of NEW, DISPATCHED, NOTIFIED"),
        ({"from": "yesterday"}, "from must be a date"),
        ({"to": "2026-02-31"}, "to must be a date"),
        ({"to": "0001-01-01T00:00:00+10:00"}, "to must be a date"),
        ({"from": "9999-12-31T23:59:59-10:00"}, "from must be a date"),
        ({"from": "2026-02-01", "to": "2026-01-31"}, "from must not be later than to"),
        ({"objectType": "x" * 101}, "objectType has 101 characters"),
    ],
)
def test_what_cannot_be_asked_is_400_and_named(
    client: APIClient, query: dict[str, str], named: str
) -> None:
    answer = client.get(EVENTS, query)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(named)


def test_pages_hold_while_events_arrive(instance: ElementInstance, client: APIClient) -> None:
    # All of one moment: the order is still one, and nothing is skipped or told twice.
    ids = recorded_at(instance, *[NOON] * 7)
    seen: list[int] = []
    token = ""
    for _ in range(4):
        answer = client.get(EVENTS, {"pageSize": "2", "nextPage": token})
        seen += [int(event["id"]) for event in answer.json()]
        recorded_at(instance, NOON, NOON)
        token = answer.headers.get(NEXT, "")
    assert seen == ids[::-1]
    assert token == ""


def test_pages_by_number_follow_on_each_other(instance: ElementInstance, client: APIClient) -> None:
    ids = recorded_at(instance, *[NOON] * 5)[::-1]
    pages = [listed(client, pageSize="2", page=str(number)) for number in (1, 2, 3, 4)]
    assert pages == [ids[:2], ids[2:4], ids[4:], []]
    second = client.get(EVENTS, {"pageSize": "2", "page": "2"})
    assert listed(client, pageSize="2", page="9", nextPage=second[NEXT]) == ids[4:]


def test_counting_ends_where_it_would_cost_too_much(
    instance: ElementInstance, client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_COUNTED", 2)
    record(instance, 20)
    assert client.get(EVENTS, {"pageSize": "1"})["Elements-Total-Count"] == "2"
    record(instance)
    answer: Any = client.get(EVENTS, {"pageSize": "1"})
    assert "Elements-Total-Count" not in answer
    assert NEXT in answer


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "b2Zmc2V0OjI",  # offset:2, of another list
        "YmVsb3c6",  # below:
        "YmVsb3c6MjAyNi0wMS0zMVQxMjowMDowMCA1",  # below:2026-01-31T12:00:00 5, without an offset
        "YmVsb3c6MjAyNi0wMi0zMVQxMjowMDowMFogNQ",  # below:2026-02-31T12:00:00Z 5
        "YmVsb3c6MjAyNi0wMS0zMVQxMjowMDowMFogeA",  # below:2026-01-31T12:00:00Z x
    ],
)
def test_foreign_tokens_are_refused(client: APIClient, token: str) -> None:
    answer = client.get(EVENTS, {"nextPage": token})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("nextPage is not a token")
