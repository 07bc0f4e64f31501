"""What is found becomes events of at most ten objects, stored with what they come from."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from elements.calls import Change, ChangeType
from events.changes import record_changes
from events.models import Delivery, Event, Subscription
from tests.events.found import changes, new_instance, record, statuses

pytestmark = pytest.mark.django_db
NOW = datetime(2016, 6, 1, 4, 9, 10, tzinfo=UTC)
URL = "http://127.0.0.1:9/callback"


def bodies() -> list[dict[str, object]]:
    return [json.loads(event.body)["message"] for event in Event.objects.order_by("id")]


def test_the_body_says_who_what_and_when() -> None:
    instance = new_instance(url=URL)
    found = [
        Change("m1", ChangeType.CREATED, {"id": "m1", "labels": ["INBOX"]}, "h1"),
        Change("m2", ChangeType.DELETED, {"id": "m2"}, "h2"),
    ]
    with time_machine.travel(NOW, tick=False):
        (event_id,) = record(instance, found)

    (message,) = bodies()
    common = {
        "date": "2016-06-01T04:09:10Z",
        "elementKey": "gmail",
        "hubKey": "general",
        "objectType": "changed-messages",
    }
    assert message == {
        "eventId": event_id,
        "instanceId": instance.pk,
        "instance_id": instance.pk,
        "instanceName": "Mailbox",
        "instanceTags": ["sales"],
        "elementKey": "gmail",
        "accountId": instance.user.account_id,
        "companyId": instance.organization_id,
        "userId": instance.user_id,
        "raw": {
            "objectType": "changed-messages",
            "changed-messages": [{"id": "m1", "labels": ["INBOX"]}, {"id": "m2"}],
            "instance_id": instance.pk,
        },
        "events": [
            {**common, "eventType": "CREATED", "objectId": "m1"},
            {**common, "eventType": "DELETED", "objectId": "m2"},
        ],
    }
    event = Event.objects.get()
    assert event.objects_found == [
        {"objectId": "m1", "eventType": "CREATED"},
        {"objectId": "m2", "eventType": "DELETED"},
    ]
    assert event.body == json.dumps(json.loads(event.body), separators=(",", ":"))


@pytest.mark.parametrize(
    ("found", "sizes"), [(1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])]
)
def test_ten_objects_at_most_in_one_event_oldest_first(found: int, sizes: list[int]) -> None:
    ids = record(new_instance(url=URL), found)

    assert ids == sorted(ids)
    lists = [event.objects_found for event in Event.objects.order_by("id")]
    assert [len(one) for one in lists] == sizes
    assert [one["objectId"] for some in lists for one in some] == [f"m{n}" for n in range(found)]


def test_nothing_found_records_nothing() -> None:
    assert record(new_instance(url=URL), []) == []
    assert not Event.objects.exists()


def test_large_objects_are_split_into_more_events() -> None:
    record(new_instance(url=URL), changes(10, text="x" * 2_000_000))

    assert Event.objects.count() == 5
    assert all(len(event.body) < 5_000_000 for event in Event.objects.all())


def test_one_object_larger_than_a_body_goes_alone() -> None:
    record(new_instance(url=URL), changes(2, text="x" * 6_000_000))

    assert Event.objects.count() == 2


def test_with_a_url_each_event_is_due_at_once_under_an_id_of_its_own() -> None:
    with time_machine.travel(NOW, tick=False):
        record(new_instance(url=URL), 30)

    deliveries = list(Delivery.objects.all())
    assert len({delivery.webhook_id for delivery in deliveries}) == 3
    assert {(one.status, one.next_attempt_at) for one in deliveries} == {("created", NOW)}
    assert set(statuses()) == {"DISPATCHED"}


def test_without_a_url_events_are_recorded_and_not_sent() -> None:
    record(new_instance())

    assert statuses() == ["NEW"]
    assert not Delivery.objects.exists()


def test_below_a_subscription_that_is_off_they_are_queued() -> None:
    instance = new_instance(url=URL)
    Subscription.objects.update(active=False)

    record(instance)

    assert Delivery.objects.get().status == "queued"


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_refused() -> None:
    instance = new_instance(url=URL)

    with pytest.raises(transaction.TransactionManagementError):
        record_changes(instance, "changed-messages", changes(1), NOW)

    assert not Event.objects.exists()


def test_a_thousand_changes_take_few_queries() -> None:
    instance = new_instance(url=URL)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        record(instance, 1_000)

    statements = [one["sql"] for one in queries if "SAVEPOINT" not in one["sql"]]
    assert len(statements) == 6, statements  # the last one wakes the engines
    assert Delivery.objects.count() == 100


@pytest.mark.parametrize(
    "text", ["\0", "\ud800", "é\u2028🙂", '"\\', "\x1b"], ids=["NUL", "surrogate", "é", "q", "esc"]
)
def test_whatever_text_a_provider_sends_is_carried(text: str) -> None:
    record(new_instance(url=URL), [Change(text, ChangeType.UPDATED, {"id": text}, "h")])

    event = Event.objects.get()
    (found,) = json.loads(event.body)["message"]["events"]
    assert found["objectId"] == text
    assert event.body.encode()


def test_numbers_that_json_lacks_become_null() -> None:
    nan = {"id": "m1", "a": float("nan"), "b": [float("inf"), 1.5], "c": True}
    record(new_instance(url=URL), [Change("m1", ChangeType.UPDATED, nan, "h")])

    (message,) = bodies()
    assert message["raw"]["changed-messages"] == [  # type: ignore[index]  # JSON
        {"id": "m1", "a": None, "b": [None, 1.5], "c": True}
    ]


def test_an_element_that_was_removed_still_has_its_events_recorded() -> None:
    instance = new_instance(url=URL)
    instance.element_key = "no-longer-there"
    instance.save()

    record(instance)

    assert Event.objects.count() == 1
