"""The shapes of what /events/{elementKey} reads."""

from __future__ import annotations

from typing import Any

from api.schema import (
    AN_OBJECT,
    FLAG,
    NUMBER,
    NUMBER_OR_TEXT,
    TEXT,
    TIME,
    Schema,
    described,
    header,
    in_path,
    listed,
    nullable,
    shape,
)

in_path("element_key", "the key of the element", TEXT, example="gmail")
in_path(
    "ref", "the id of the element instance, plain or as Base64 of its digits", TEXT, example="Nw=="
)
KEY_EXAMPLE = "YW4gZXhhbXBsZSwgYW5kIG5vIGtleSB0byBhbnl0aGk"
in_path("key", "the key that the address ends with", TEXT, example=KEY_EXAMPLE)

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

_NETWORKS = described(
    listed(TEXT), 'who may send: networks in CIDR notation, or ["any"] for everybody'
)
UNSIGNED_ADDRESS_WANTED = shape("UnsignedWebhooksWanted", {"networks": _NETWORKS})
UNSIGNED_ADDRESS_WANTED_EXAMPLE = {"networks": ["203.0.113.0/24", "2001:db8::/32"]}
_UNSIGNED_ADDRESS: dict[str, Schema] = {
    "enabled": FLAG,
    "networks": _NETWORKS,
    "createdDate": nullable(TIME),
    "receivedDate": described(nullable(TIME), "of the last one, to a minute"),
    "refused": nullable(
        shape(
            "RefusedSender",
            {"address": nullable(TEXT), "date": TIME},
            "who had the address and sent from another network, the last time, to a minute",
        )
    ),
}
UNSIGNED_ADDRESS = shape("UnsignedWebhooks", _UNSIGNED_ADDRESS)
UNSIGNED_ADDRESS_EXAMPLE: dict[str, Any] = {
    "enabled": True,
    **UNSIGNED_ADDRESS_WANTED_EXAMPLE,
    "createdDate": "2026-01-31T11:00:00Z",
    "receivedDate": "2026-01-31T12:30:00Z",
    "refused": {"address": "198.51.100.7", "date": "2026-01-31T11:20:00Z"},
}
NEW_UNSIGNED_ADDRESS = shape("NewUnsignedWebhooks", {"url": TEXT, **_UNSIGNED_ADDRESS})
NEW_UNSIGNED_ADDRESS_EXAMPLE: dict[str, Any] = {
    "url": f"https://periodic.example/elements/api-v2/events/ledger/unsigned/{KEY_EXAMPLE}",
    **UNSIGNED_ADDRESS_EXAMPLE,
    "receivedDate": None,
    "refused": None,
}
