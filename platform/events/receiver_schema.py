"""The shapes of what /events/{elementKey} reads."""

from __future__ import annotations

from typing import Any

from api.schema import (
    AN_OBJECT,
    NUMBER,
    NUMBER_OR_TEXT,
    TEXT,
    TIME,
    Schema,
    described,
    header,
    in_path,
    nullable,
    shape,
)

in_path("element_key", "the key of the element", TEXT, example="gmail")
in_path(
    "ref", "the id of the element instance, plain or as Base64 of its digits", TEXT, example="Nw=="
)

ANY_BODY: Schema = {"description": "whatever the provider sends", "type": "object"}
WEBHOOK_EXAMPLE = {"type": "entry.created", "data": {"id": "e1", "amount": 5}}
INSTANCES = header(
    "Element-Instances", "ids of the element instances it is for, separated by commas", example="7"
)
ID = header("Id", "the id of the element instance, where the path has none", example="7")
in_path("refused_id", "the id of a refused webhook", NUMBER, example=3)
REFUSED = shape(
    "RefusedWebhook",
    {
        "id": NUMBER,
        "reason": described(TEXT, "what was looked for, and not found"),
        "createdDate": described(TIME, "when it was first received"),
        "lastReceivedDate": TIME,
        "times": described(NUMBER, "how often the same was received"),
        "contentType": TEXT,
        "headers": described(AN_OBJECT, "those that the element reads"),
        "size": described(NUMBER, "bytes of the body"),
        "body": described(nullable(TEXT), "null where it is larger than 250,000 bytes"),
    },
    "A webhook that was signed rightly, and not understood.",
)
REFUSED_EXAMPLE: dict[str, Any] = {
    "id": 3,
    "reason": "the webhook is not understood: nothing stands at data.entries",
    "createdDate": "2026-01-05T09:45:00Z",
    "lastReceivedDate": "2026-01-05T09:50:00Z",
    "times": 2,
    "contentType": "application/json",
    "headers": {"X-Event": "entry.created"},
    "size": 14,
    "body": '{"items":[{}]}',
}
POLL_EVENT = shape(
    "PollEventWanted",
    {
        "objectType": described(TEXT, "the resource, and the name of the list of records"),
        "instance_id?": nullable(NUMBER_OR_TEXT),
    },
)
POLL_EVENT_EXAMPLE: dict[str, Any] = {
    "objectType": "changed-messages",
    "instance_id": 7,
    "changed-messages": [{"id": "18c2f0b1a2d3e4f5", "changeType": "CREATED"}],
}
