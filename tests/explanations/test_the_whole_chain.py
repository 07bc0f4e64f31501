"""From a webhook-id, an event or an object: record, poll, event, deliveries, attempts, replay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.provision import NewOrganization
from elements.calls import ChangeType, Told
from events.fetch import acknowledge
from events.models import Delivery, Event
from events.own_topics import GRANT_LOST
from events.record import record_instance_event, record_webhook
from explanations import chain, explain
from instances.models import ElementInstance
from polling.models import PollingResource, PollRun
from polling.poll_now import poll_now
from tests.all_due import deliver_all_due
from tests.events.receiver import Receiver, Reply
from tests.polling.ledger import Ledger

from .conftest import Ask, client_of

pytestmark = pytest.mark.django_db


def poll_and_deliver(instance: ElementInstance) -> Delivery:
    """The latest delivery, once it was tried."""
    poll_now(instance)
    deliver_all_due()
    return Delivery.objects.latest("pk")


def test_a_webhook_id_leads_to_the_record_the_poll_and_each_attempt(
    ask: Ask, instance: ElementInstance, ledger: Ledger, receiver: Receiver
) -> None:
    answers = iter([Reply(500, body=b"out of order"), Reply(200, body=b"thanks")])
    receiver.answer = lambda _: next(answers)
    ledger.add("a", "b")
    delivery = poll_and_deliver(instance)
    Delivery.objects.update(next_attempt_at=timezone.now())
    deliver_all_due()

    [event] = ask(webhookId=receiver.received[0].webhook_id)["events"]

    assert event["source"] == "poll"
    assert [(one["objectId"], one["eventType"]) for one in event["objects"]] == [
        ("a", "CREATED"),
        ("b", "CREATED"),
    ]
    raw = json.loads(receiver.received[0].body)["message"]["raw"]
    assert [one["record"] for one in event["objects"]] == raw["entries"]
    poll = event["poll"]
    assert (poll["resource"], poll["status"], poll["found"]) == ("entries", "found", 2)
    assert (poll["cursorBefore"], poll["cursorAfter"]) == ("0", "2")
    [shown] = event["deliveries"]
    assert (shown["webhookId"], shown["status"]) == (delivery.webhook_id, "delivered")
    assert [(one["statusCode"], one["response"]) for one in shown["attempts"]] == [
        (500, "out of order"),
        (200, "thanks"),
    ]
    assert [one["code"] for one in event["reasons"]] == ["delivered"]


def test_the_event_and_the_object_lead_to_the_same(
    ask: Ask, instance: ElementInstance, ledger: Ledger, receiver: Receiver
) -> None:
    ledger.add("a", "b")
    delivery = poll_and_deliver(instance)
    by_webhook = ask(webhookId=delivery.webhook_id)["events"]

    assert ask(eventId=delivery.event_id)["events"] == by_webhook
    assert ask(instance.pk, eventId=delivery.event_id)["events"] == by_webhook
    [of_object] = ask(objectId="b")["events"]
    assert of_object["objects"] == by_webhook[0]["objects"][1:]
    assert of_object["poll"] == by_webhook[0]["poll"]


def test_each_poll_is_told_from_the_others(
    ask: Ask, instance: ElementInstance, ledger: Ledger
) -> None:
    for _ in range(3):
        ledger.change("a") if "a" in ledger.versions else ledger.add("a")
        poll_now(instance)

    answer = ask(objectId="a")

    assert [one["objects"][0]["eventType"] for one in answer["events"]] == [
        "UPDATED",
        "UPDATED",
        "CREATED",
    ]
    cursors = [
        (one["poll"]["cursorBefore"], one["poll"]["cursorAfter"]) for one in answer["events"]
    ]
    assert cursors == [("2", "3"), ("1", "2"), ("0", "1")]
    assert not answer["olderEvents"]


def test_what_is_queued_is_sent_again_by_the_request_that_is_shown(
    ask: Ask, owner: NewOrganization, instance: ElementInstance, ledger: Ledger, receiver: Receiver
) -> None:
    receiver.always(410)
    ledger.add("a")
    delivery = poll_and_deliver(instance)
    [event] = ask(objectId="a")["events"]
    [reason] = event["reasons"]
    assert reason["code"] == "deactivated"
    assert "410" in reason["message"]
    replay = event["deliveries"][0]["replay"]
    assert replay["possible"]

    receiver.always(200)
    answer = getattr(client_of(owner), replay["method"].lower())(replay["path"])

    assert answer.status_code == 200
    deliver_all_due()
    assert receiver.ids() == [delivery.webhook_id] * 2
    [event] = ask(objectId="a")["events"]
    assert [one["code"] for one in event["reasons"]] == ["delivered"]

    replay = event["deliveries"][0]["replay"]
    assert replay["possible"]
    assert client_of(owner).put(replay["path"]).status_code == 200
    assert not ask(objectId="a")["events"][0]["deliveries"][0]["replay"]["possible"]
    deliver_all_due()
    assert receiver.ids() == [delivery.webhook_id] * 3


def test_what_was_fetched_has_arrived_too(
    ask: Ask, instance: ElementInstance, ledger: Ledger, receiver: Receiver
) -> None:
    receiver.always(410)
    ledger.add("a")
    delivery = poll_and_deliver(instance)
    acknowledge(delivery.subscription_id, [delivery.webhook_id], timezone.now())
    [reason] = ask(objectId="a")["events"][0]["reasons"]
    assert reason["code"] == "delivered"
    assert "fetched and acknowledged" in reason["message"]


def test_what_waits_says_when_it_is_tried(
    ask: Ask, instance: ElementInstance, ledger: Ledger, receiver: Receiver
) -> None:
    ledger.add("a")
    poll_now(instance)
    assert [one["code"] for one in ask(objectId="a")["events"][0]["reasons"]] == ["waiting"]
    receiver.always(503)
    deliver_all_due()
    [reason] = ask(objectId="a")["events"][0]["reasons"]
    assert reason["code"] == "retry"
    assert "answered 503" in reason["message"]


def test_what_a_provider_told_by_itself_has_all_that_it_sent(
    ask: Ask, instance: ElementInstance
) -> None:
    sent = {"action": "opened", "issue": {"id": 7}}
    with transaction.atomic():
        event_id = record_webhook(
            instance, sent, [Told("issues", "7", ChangeType.CREATED)], timezone.now()
        )

    [event] = ask(objectId="7")["events"]

    assert (event["id"], event["source"], event["poll"]) == (str(event_id), "webhook", None)
    assert event["objects"] == [{"objectId": "7", "eventType": "CREATED", "record": sent}]


def test_what_the_platform_itself_tells_is_explained(ask: Ask, instance: ElementInstance) -> None:
    with transaction.atomic():
        event_id = record_instance_event(instance, GRANT_LOST, {"valid": False}, timezone.now())

    [event] = ask(eventId=event_id)["events"]

    assert event["source"] == "platform"
    assert event["objects"][0]["record"] == {"valid": False}


def test_a_notification_of_a_topic_is_explained(
    ask: Ask, owner: NewOrganization, receiver: Receiver, settings: Any
) -> None:
    client = client_of(owner)
    wanted = {"channel": "webhook", "topics": ["t"], "config": {"url": receiver.url}}
    assert client.post("/elements/api-v2/notifications/subscriptions", wanted, format="json")
    posted = client.post(
        "/elements/api-v2/notifications",
        {"topic": "t", "message": "m", "severity": "low", "from": "f"},
        format="json",
    )
    deliver_all_due()

    [event] = ask(webhookId=receiver.ids()[0])["events"]

    assert (event["id"], event["instanceId"]) == (str(posted.json()["id"]), None)
    assert (event["source"], event["objects"]) == ("platform", [])


def test_an_event_outlives_its_poll(
    ask: Ask, instance: ElementInstance, ledger: Ledger, resource: PollingResource
) -> None:
    ledger.add("a")
    poll_now(instance)
    PollRun.objects.filter(resource=resource).delete()
    [event] = ask(objectId="a")["events"]
    assert (event["source"], event["poll"]) == ("poll", None)


def test_records_too_large_together_are_left_out(
    ask: Ask, instance: ElementInstance, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add("a")
    poll_now(instance)
    ledger.change("a")
    poll_now(instance)
    monkeypatch.setattr(chain, "LARGEST_BODIES", 100)
    latest, before = ask(objectId="a")["events"]
    assert latest["objects"][0]["record"]["version"] == 2
    assert before["objects"][0]["record"] is None


def test_many_events_cost_as_many_queries_as_one(
    ask: Ask, instance: ElementInstance, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.add("a")
    poll_and_deliver(instance)
    with CaptureQueriesContext(connection) as one:
        ask(objectId="a")
    for _ in range(4):
        ledger.change("a")
        poll_and_deliver(instance)
    with CaptureQueriesContext(connection) as many:
        assert len(ask(objectId="a")["events"]) == 5
    assert len(many) == len(one)

    monkeypatch.setattr(explain, "MOST_EVENTS", 2)
    answer = ask(objectId="a")
    assert (len(answer["events"]), answer["olderEvents"]) == (2, True)
    assert [int(one["id"]) for one in answer["events"]] == sorted(
        Event.objects.values_list("pk", flat=True), reverse=True
    )[:2]
