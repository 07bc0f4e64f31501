"""Connected, changed, polled, delivered, read back: the product's main job through its API."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from tests.end_to_end.line import API, MAILBOX, RESOURCE, SIGNATURE_KEY, Line

ENTRY = {"url": "/hubs/general/changed-message", "idField": "id"}


@pytest.mark.parametrize(
    "poller",
    [
        {"/changed-messages": ENTRY},
        {"changed-messages": {**ENTRY, "url": "/hubs/general/changed-messages"}},
        json.dumps({"changed-messages": ENTRY}),
    ],
    ids=["with a slash", "without", "as text"],
)
def test_every_change_reaches_the_callback_signed(line: Line, poller: Any) -> None:
    line.control.deliver(subject="Was there before the mailbox was connected")
    instance = line.connect(poller=poller)
    labelled = line.control.deliver(subject="Is labelled")["id"]
    doomed = line.control.deliver(subject="Is deleted")["id"]
    assert line.poll_and_deliver()["created"] == 2
    line.receiver.received.clear()

    arrived = line.control.deliver(subject="Has arrived")["id"]
    line.control.label(labelled, add=["STARRED"])
    line.control.delete(doomed)
    report = line.poll()

    assert report["status"] == "found"
    assert (report["created"], report["updated"], report["deleted"]) == (1, 1, 1)
    assert [event["status"] for event in line.events()] == ["NOTIFIED", "DISPATCHED"]
    line.deliver()

    [notification] = line.receiver.received
    message = json.loads(notification.body)["message"]
    assert message["eventId"] == report["events"][0]
    assert (message["instanceId"], message["elementKey"]) == (instance["id"], "gmail")
    raw = message["raw"]
    assert (raw["objectType"], raw["instance_id"]) == (RESOURCE, instance["id"])
    assert [(one["objectId"], one["eventType"]) for one in message["events"]] == [
        (arrived, "CREATED"),
        (labelled, "UPDATED"),
        (doomed, "DELETED"),
    ]
    for event in message["events"]:
        assert (event["elementKey"], event["objectType"]) == ("gmail", RESOURCE)
        when = datetime.strptime(event["date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert abs((when - timezone.now()).total_seconds()) < 60
    records = {record["id"]: record for record in raw[RESOURCE]}
    assert set(records) == {arrived, labelled, doomed}
    subject = {"name": "Subject", "value": "Has arrived"}
    assert subject in records[arrived]["payload"]["headers"]
    assert "STARRED" in records[labelled]["labelIds"]
    assert records[doomed]["changeType"] == "DELETED"

    events = line.events()
    assert [event["status"] for event in events] == ["NOTIFIED", "NOTIFIED"]
    assert events[-1]["id"] == str(message["eventId"])
    assert json.loads(events[-1]["providerData"]) == raw
    assert events[-1]["notifiedData"] == [{"message": message}]
    detail = line.api.get(f"{API}/instances/events/{message['eventId']}").json()
    assert [one["value"] for one in detail["eventElementInstances"][0]["objectIds"]] == [
        arrived,
        labelled,
        doomed,
    ]
    assert line.poll_and_deliver()["status"] == "idle"
    assert len(line.receiver.received) == 1


def test_both_signatures_verify_and_a_changed_body_does_not(connected: Line) -> None:
    connected.control.deliver()
    connected.poll_and_deliver()

    [notification] = connected.receiver.received
    headers, body = notification.headers, notification.body
    assert re.fullmatch(r"msg_[0-9a-f]{32}", headers["webhook-id"])
    assert headers["elements-webhook-id"] == headers["webhook-id"]
    assert headers["content-type"] == "application/json;charset=UTF-8"
    own = base64.b64encode(hmac.digest(SIGNATURE_KEY.encode(), body, hashlib.sha256)).decode()
    assert headers["elements-webhook-signature"] == f"sha256={own}"
    verifier = Webhook("whsec_" + base64.b64encode(SIGNATURE_KEY.encode()).decode())
    assert verifier.verify(body.decode(), headers) == json.loads(body)
    with pytest.raises(Exception, match="No matching signature"):
        verifier.verify(body.decode().replace("CREATED", "UPDATED"), headers)


def test_a_retried_notification_is_the_same_to_the_byte(connected: Line) -> None:
    message_id = connected.control.deliver()["id"]
    connected.receiver.always(503)
    connected.poll_and_deliver()
    [event] = connected.events()
    assert event["status"] == "DISPATCHED"

    connected.receiver.always(200)
    connected.retry()

    first, second = connected.receiver.received
    assert (first.body, first.webhook_id) == (second.body, second.webhook_id)
    assert [event["status"] for event in connected.events()] == ["NOTIFIED"]
    found = json.loads(first.body)["message"]["events"]
    assert [one["objectId"] for one in found] == [message_id]
    deliveries = connected.api.get(f"{API}/instances/events/{event['id']}/deliveries").json()
    assert [attempt["statusCode"] for attempt in deliveries[0]["attempts"]] == [503, 200]


def test_two_instances_of_one_mailbox_are_each_told_once(connected: Line) -> None:
    first = connected.instance
    second = connected.connect()
    assert (first["id"], first["token"]) != (second["id"], second["token"])
    mails = [mail["id"] for mail in connected.control.deliver_many(15, MAILBOX)]
    for instance in (first, second):
        connected.instance = instance
        assert connected.poll()["created"] == 15
    connected.deliver()

    for instance in (first, second):
        own = [
            one["objectId"]
            for notification in connected.receiver.received
            if (message := json.loads(notification.body)["message"])["instanceId"] == instance["id"]
            for one in message["events"]
        ]
        assert sorted(own) == sorted(mails)
    assert len(connected.receiver.received) == 4
