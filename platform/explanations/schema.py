"""The shapes of what …/events/explanation answers."""

from __future__ import annotations

from typing import Any

from api.schema import (
    ANYTHING,
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    described,
    listed,
    nullable,
    one_of,
    query,
    shape,
)
from events.schema import EVENT_DELIVERY_EXAMPLE, EVENT_DELIVERY_FIELDS
from polling.schema import PUT_ASIDE, RUN_EXAMPLE, RUN_FIELDS

CODES = (
    # Of an event's delivery.
    "delivered",
    "waiting",
    "in-order",
    "retry",
    "queued",
    "deactivated",
    "failed",
    "no-callback-url",
    # Of an instance.
    "disabled",
    "grant-lost",
    "problem",
    "owner-deactivated",
    "events-off",
    "webhooks",
    # Of an object.
    "put-aside",
    "missing",
    "filtered",
    "unchanged",
    "not-polled",
    "not-granted",
    "poll-failing",
    "not-started",
    "not-seen",
)
REASON = shape(
    "Reason",
    {"code": one_of(*CODES), "message": described(TEXT, "a sentence for people")},
    "Why something was sent, or not.",
)
POLL = shape(
    "ExplainedPoll",
    {
        **RUN_FIELDS,
        "cursorBefore": described(nullable(TEXT), "what the poll started from"),
        "cursorAfter": described(nullable(TEXT), "what the next one started from"),
    },
    "A poll, with the places between which it looked.",
)
REPLAY = shape(
    "Replay",
    {
        "possible": described(FLAG, "whether the request would send it again now"),
        "method": TEXT,
        "path": TEXT,
        "note": TEXT,
    },
    "The request that sends a delivery again.",
)
DELIVERY = shape(
    "ExplainedDelivery",
    {
        **EVENT_DELIVERY_FIELDS,
        "url": described(TEXT, "without its query and without the user in it"),
        "replay": REPLAY,
    },
)
RECORD: Schema = described(
    ANYTHING,
    "what the provider said of the object, of a webhook all that it sent; null where it isn't "
    "kept, or where the events of the answer have more than 5 MB",
)
EVENT = shape(
    "ExplainedEvent",
    {
        "id": TEXT,
        "eventDate": TIME,
        "status": one_of("NEW", "DISPATCHED", "NOTIFIED"),
        "instanceId": nullable(NUMBER),
        "objectType": TEXT,
        "source": described(
            one_of("poll", "webhook", "platform"),
            "what it comes from: a poll, the provider's own webhook, or the platform itself",
        ),
        "objects": listed(
            shape("ExplainedObject", {"objectId": TEXT, "eventType": TEXT, "record": RECORD})
        ),
        "poll": described(nullable(POLL), "the poll that found it, for 30 days"),
        "deliveries": listed(DELIVERY),
        "reasons": listed(REASON),
    },
)
UNTOLD = shape(
    "Untold",
    {
        "why": one_of("missing", "filtered"),
        "rule": described(nullable(TEXT), "the rule that left it out"),
        "poll": POLL,
    },
    "A poll that noticed the object and told nothing of it.",
)
RESOURCE = shape(
    "ExplainedResource",
    {
        "resource": TEXT,
        "url": described(TEXT, "what is polled"),
        "active": FLAG,
        "lastPolledDate": nullable(TIME),
        "lastSuccessDate": nullable(TIME),
        "nextPollDate": nullable(TIME),
        "failures": described(NUMBER, "in a row"),
        "error": nullable(TEXT),
        "known": described(FLAG, "whether a state of the object is remembered"),
        "putAside": described(nullable(PUT_ASIDE), "changed, and not read yet"),
        "untold": listed(UNTOLD),
    },
    "What one polled resource knows of the object.",
)
INSTANCE = shape(
    "ExplainedInstance",
    {
        "instanceId": NUMBER,
        "instanceName": TEXT,
        "reasons": listed(REASON),
        "resources": listed(RESOURCE),
    },
)
EXPLANATION = shape(
    "Explanation",
    {
        "events": described(listed(EVENT), "newest first; of an object the latest 20"),
        "olderEvents": described(FLAG, "whether the object has more events"),
        "instances": described(
            listed(INSTANCE),
            "of an object: the instance that was asked about, or those that know of it",
        ),
    },
)

QUESTION = [
    query("webhookId", "the webhook-id of a notification, as its header had it"),
    query("eventId", "the id of an event, as message.eventId", NUMBER),
    query("objectId", "the provider's id of an object"),
]
_RUN_EXAMPLE: dict[str, Any] = {**RUN_EXAMPLE, "cursorBefore": "1041", "cursorAfter": "1063"}
EXAMPLE: dict[str, Any] = {
    "events": [
        {
            "id": "12",
            "eventDate": "2026-01-05T09:45:01Z",
            "status": "DISPATCHED",
            "instanceId": 7,
            "objectType": "changed-messages",
            "source": "poll",
            "objects": [
                {
                    "objectId": "18c2f0b1a2d3e4f5",
                    "eventType": "CREATED",
                    "record": {"id": "18c2f0b1a2d3e4f5", "changeType": "CREATED"},
                }
            ],
            "poll": _RUN_EXAMPLE,
            "deliveries": [
                {
                    **EVENT_DELIVERY_EXAMPLE,
                    "replay": {
                        "possible": False,
                        "method": "PUT",
                        "path": "/elements/api-v2/notifications/subscriptions/deliveries?where="
                        "notificationId%3D12+and+subscriptionId%3D3+and+status+in+"
                        "%28%27queued%27%2C+%27delivered%27%29",
                        "note": "it is tried by itself",
                    },
                }
            ],
            "reasons": [
                {
                    "code": "retry",
                    "message": "the last of 1 attempts failed (answered 500); the next is due "
                    "2026-01-31T12:00:05Z",
                }
            ],
        }
    ],
    "olderEvents": False,
    "instances": [
        {
            "instanceId": 7,
            "instanceName": "Mailbox",
            "reasons": [],
            "resources": [
                {
                    "resource": "changed-messages",
                    "url": "/hubs/general/changed-messages",
                    "active": True,
                    "lastPolledDate": "2026-01-05T09:45:00Z",
                    "lastSuccessDate": "2026-01-05T09:45:00Z",
                    "nextPollDate": "2026-01-05T10:00:00Z",
                    "failures": 0,
                    "error": None,
                    "known": True,
                    "putAside": None,
                    "untold": [],
                }
            ],
        }
    ],
}
