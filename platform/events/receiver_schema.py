"""The shapes of what /events/{elementKey} reads."""

from __future__ import annotations

from typing import Any

from api.schema import (
    NUMBER_OR_TEXT,
    TEXT,
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
