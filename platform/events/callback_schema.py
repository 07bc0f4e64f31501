"""The shapes of tests of a callback, of switching it, and of what is fetched instead."""

from __future__ import annotations

from typing import Any

from api.schema import (
    AN_OBJECT,
    FLAG,
    NUMBER,
    TEXT,
    TIME,
    described,
    listed,
    nullable,
    query,
    shape,
)

TEST = shape(
    "CallbackTest",
    {
        "notificationId": described(NUMBER, "as which it is kept, of the topic delivery.test"),
        "webhookId": TEXT,
        "url": TEXT,
        "delivered": described(FLAG, "whether the answer was a 2xx"),
        "date": TIME,
        "durationMs": NUMBER,
        "statusCode": described(nullable(NUMBER), "null when no answer came: see error"),
        "error": TEXT,
        "response": described(TEXT, "the beginning of the answer"),
    },
)
ACTIVATION = shape("Activation", {"active": FLAG, "sentAgain": NUMBER})
FAILED = shape(
    "FailedEvents",
    {
        "from": TIME,
        "to": TIME,
        "events": described(
            NUMBER, "whose delivery was given up or is held back: 100,000 stands for that or more"
        ),
    },
)
RESENT = shape(
    "ResentEvents",
    {
        "from": TIME,
        "to": TIME,
        "sentAgain": described(NUMBER, "deliveries: 100,000 at most, the oldest; ask again then"),
    },
)
FROM = query(
    "from",
    "the time, or the day in UTC, from which on events count",
    example="2026-01-31T10:00:00Z",
    required=True,
)
TO = query("to", "until when; now, unless it is given", example="2026-01-31T12:00:00Z")
QUEUED = query("queued", "true sends what is queued, too", FLAG, example=True)
FETCHED = shape(
    "FetchedNotification",
    {
        "id": NUMBER,
        "webhookId": described(TEXT, "the same whenever it is fetched or sent"),
        "notificationId": NUMBER,
        "createdDate": TIME,
        "body": described(AN_OBJECT, "what a callback would have got"),
    },
)
ACKNOWLEDGED = shape("Acknowledged", {"acknowledged": described(NUMBER, "how many it were")})
ACKNOWLEDGEMENT = shape("Acknowledgement", {"webhookIds": listed(TEXT)})

TEST_EXAMPLE: dict[str, Any] = {
    "notificationId": 12,
    "webhookId": "msg_5f0c1e2d3a4b5c6d7e8f9a0b1c2d3e4f",
    "url": "https://receiver.example.com/events",
    "delivered": True,
    "date": "2026-01-31T12:00:00Z",
    "durationMs": 31,
    "statusCode": 200,
    "error": "",
    "response": "ok",
}
_PERIOD = {"from": "2026-01-31T10:00:00Z", "to": "2026-01-31T12:00:00Z"}
FAILED_EXAMPLE: dict[str, Any] = {**_PERIOD, "events": 37}
RESENT_EXAMPLE: dict[str, Any] = {**_PERIOD, "sentAgain": 37}
ACTIVATION_EXAMPLE = {"active": True, "sentAgain": 2}
FETCHED_EXAMPLE: dict[str, Any] = {
    "id": 15,
    "webhookId": "msg_5f0c1e2d3a4b5c6d7e8f9a0b1c2d3e4f",
    "notificationId": 12,
    "createdDate": "2026-01-31T12:00:00Z",
    "body": {"message": {"eventId": 12, "raw": {}, "events": []}},
}
ACKNOWLEDGEMENT_EXAMPLE = {"webhookIds": ["msg_5f0c1e2d3a4b5c6d7e8f9a0b1c2d3e4f"]}
ACKNOWLEDGED_EXAMPLE = {"acknowledged": 1}
