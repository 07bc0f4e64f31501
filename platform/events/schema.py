"""The shapes of what events, their deliveries and their analytics answer."""

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
    one_of,
    query,
    shape,
)
from events.period import INTERVALS

_FOUND = shape("EventObject", {"objectId": TEXT, "eventType": TEXT})
_MESSAGE = shape("EventMessage", {"message": AN_OBJECT})
_EVENT = {
    "id": TEXT,
    "eventDate": TIME,
    "status": one_of("NEW", "DISPATCHED", "NOTIFIED"),
    "providerData": described(TEXT, "JSON text: what the notification has in message.raw"),
    "notifiedData": listed(_MESSAGE),
    "objectType": TEXT,
    "objects": listed(_FOUND),
    "instanceId": NUMBER,
    "encodedid": TEXT,
}
EVENT = shape("Event", _EVENT)
EVENT_DETAIL = shape(
    "EventDetail",
    {
        **_EVENT,
        "eventElementInstances": listed(
            shape(
                "EventOfInstance",
                {
                    "instanceId": NUMBER,
                    "objectIds": listed(shape("EventObjectId", {"value": TEXT})),
                },
            )
        ),
    },
)
_ATTEMPT = shape(
    "DeliveryAttempt",
    {
        "number": NUMBER,
        "date": TIME,
        "durationMs": NUMBER,
        "statusCode": nullable(NUMBER),
        "error": TEXT,
        "response": TEXT,
    },
)
EVENT_DELIVERY_FIELDS = {
    "id": NUMBER,
    "eventId": TEXT,
    "webhookId": TEXT,
    "status": one_of("created", "retry", "delivered", "queued", "waiting", "failed"),
    "url": TEXT,
    "subscriptionActive": FLAG,
    "deactivationReason": TEXT,
    "createdDate": TIME,
    "updatedDate": nullable(TIME),
    "nextAttemptDate": nullable(TIME),
    "attempts": listed(_ATTEMPT),
}
EVENT_DELIVERY = shape("EventDelivery", EVENT_DELIVERY_FIELDS)
COUNT = shape("EventCount", {"timestamp": TIME, "count": NUMBER})
_COUNTED = {"count": NUMBER, "success": NUMBER, "failed": NUMBER}
COUNT_BY_INSTANCE = shape(
    "EventCountByInstance",
    {
        "timestamp": TIME,
        "total": NUMBER,
        "count": NUMBER,
        "records": listed(shape("EventCountOfInstance", {"instanceId": NUMBER, **_COUNTED})),
    },
)
COUNT_BY_ACCOUNT = shape(
    "EventCountByAccount",
    {
        "timestamp": TIME,
        "total": NUMBER,
        "count": NUMBER,
        "records": listed(shape("EventCountOfAccount", {"accountId": NUMBER, **_COUNTED})),
    },
)
DISPOSITION = shape(
    "EventDisposition",
    {
        "eventId": TEXT,
        "elementInstanceId": NUMBER,
        "notificationData": listed(shape("EventDispositionMessage", {"message": TEXT})),
    },
)

FROM = query("from", "a date or time in ISO 8601", example="2026-01-24")
TO = query("to", "a date or time in ISO 8601; a date is all of that day", example="2026-01-31")
EVENT_FILTERS = [
    query("objectType", "only events of this polled resource", example="changed-messages"),
    query("status", "only events of this status", one_of("NEW", "DISPATCHED", "NOTIFIED")),
    FROM,
    TO,
]
ANALYTICS = [
    query("from", "a date or time in ISO 8601; 7 days before `to` unless given"),
    query("to", "a date or time in ISO 8601; now unless given"),
    query("interval", "the length of a bucket; a day unless given", one_of(*INTERVALS)),
    query("accountIds[]", "only these accounts; may be repeated", NUMBER),
]

EVENT_EXAMPLE: dict[str, Any] = {
    "id": "12",
    "eventDate": "2026-01-31T12:00:00Z",
    "status": "DISPATCHED",
    "providerData": '{"changed-messages":[{"id":"18c2f0b1a2d3e4f5"}],'
    '"objectType":"changed-messages","instance_id":7}',
    "notifiedData": [],
    "objectType": "changed-messages",
    "objects": [{"objectId": "18c2f0b1a2d3e4f5", "eventType": "CREATED"}],
    "instanceId": 7,
    "encodedid": "Nw==",
}
EVENT_DETAIL_EXAMPLE = {
    **EVENT_EXAMPLE,
    "eventElementInstances": [{"instanceId": 7, "objectIds": [{"value": "18c2f0b1a2d3e4f5"}]}],
}
EVENT_DELIVERY_EXAMPLE: dict[str, Any] = {
    "id": 15,
    "eventId": "12",
    "webhookId": "msg_5f0c1e2d3a4b5c6d7e8f9a0b1c2d3e4f",
    "status": "retry",
    "url": "https://receiver.example.com/events",
    "subscriptionActive": True,
    "deactivationReason": "",
    "createdDate": "2026-01-31T12:00:00Z",
    "updatedDate": "2026-01-31T12:00:01Z",
    "nextAttemptDate": "2026-01-31T12:00:05Z",
    "attempts": [
        {
            "number": 1,
            "date": "2026-01-31T12:00:00Z",
            "durationMs": 31,
            "statusCode": 500,
            "error": "answered 500",
            "response": "",
        }
    ],
}
COUNT_EXAMPLE = {"timestamp": "2026-01-31T00:00:00Z", "count": 3}
COUNTED_EXAMPLE = {"count": 3, "success": 2, "failed": 1}
COUNT_BY_INSTANCE_EXAMPLE = {
    **COUNT_EXAMPLE,
    "total": 3,
    "records": [{"instanceId": 7, **COUNTED_EXAMPLE}],
}
COUNT_BY_ACCOUNT_EXAMPLE = {
    **COUNT_EXAMPLE,
    "total": 3,
    "records": [{"accountId": 2, **COUNTED_EXAMPLE}],
}
DISPOSITION_EXAMPLE = {
    "eventId": "12",
    "elementInstanceId": 7,
    "notificationData": [{"message": "Error delivering event, attempt 1: answered 500"}],
}
