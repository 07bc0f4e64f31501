"""The shapes of what /hubs answers. What a resource answers is the element's business."""

from __future__ import annotations

from api.schema import (
    AN_OBJECT,
    ANYTHING,
    FLAG,
    FLAG_OR_TEXT,
    NUMBER,
    TEXT,
    TIME,
    header,
    in_path,
    listed,
    query,
    shape,
)

in_path("hub_key", "the key of the hub", TEXT, example="general")
in_path("name", "the name of a resource of the element", TEXT, example="messages")
in_path(
    "path",
    "the path of one of the element's resources, such as messages or messages/{id}/trash; "
    "GET /elements/{key}/docs has them all",
    TEXT,
    example="labels",
)

HUB = shape(
    "Hub",
    {
        "id": NUMBER,
        "name": TEXT,
        "key": TEXT,
        "description": TEXT,
        "active": FLAG,
        "resources?": listed(TEXT),
    },
)
HUB_EXAMPLE = {
    "id": 7,
    "name": "General",
    "key": "general",
    "description": "Elements of every kind, each with resources of its own",
    "active": True,
}
HYDRATE = query("hydrate", "whether each hub has the names of its resources", FLAG_OR_TEXT)
VERSION = header("Elements-Version", "Helium: objects instead of names", example="Helium")
OBJECT = shape("ObjectOfElement", {"name": TEXT, "vendorName": TEXT, "type": TEXT})
OBJECTS = {"anyOf": [listed(TEXT), listed(OBJECT)]}
_METHOD = shape("MethodOfField", {"name": TEXT, "request": FLAG, "response": FLAG})
OBJECT_METADATA = shape(
    "ObjectMetadata",
    {
        "fields": listed(
            shape(
                "FieldOfObject",
                {
                    "type": TEXT,
                    "vendorPath": TEXT,
                    "vendorDisplayName": TEXT,
                    "vendorNativeType": TEXT,
                    "vendorRequired": FLAG,
                    "vendorReadOnly": FLAG,
                    "hidden": FLAG,
                    "method": listed(_METHOD),
                },
            )
        )
    },
)
OBJECT_METADATA_EXAMPLE = {
    "fields": [
        {
            "type": "string",
            "vendorPath": "name",
            "vendorDisplayName": "The label's name",
            "vendorNativeType": "string",
            "vendorRequired": True,
            "vendorReadOnly": False,
            "hidden": False,
            "method": [{"name": "GET", "request": False, "response": True}],
        }
    ]
}
PING = shape("Ping", {"dateTime": TIME, "endpoint": TEXT})
PING_EXAMPLE = {"dateTime": "2026-05-04T09:30:00Z", "endpoint": "gmail"}

WHERE = query(
    "where", "Which records of a list, as in SQL: docs/where.md", example="name LIKE 'A%'"
)
FIELDS = query("fields", "Names of the fields to answer, separated by commas", example="id,name")
PAGE_SIZE = query(
    "pageSize",
    "records of a page: 100 unless given, at most what the provider gives at once",
    {"type": "integer", "minimum": 1, "maximum": 1_000_000},
)
ORDER_BY = query("orderBy", "A field, and asc or desc after it", example="name desc")
LIST_EXAMPLE = [{"id": "INBOX", "name": "INBOX", "type": "system"}]
ANSWER = {"anyOf": [listed(AN_OBJECT), ANYTHING]}
EMPTY_OR_ANSWER = ANYTHING
BODY = ANYTHING
BODY_EXAMPLE = {"name": "Receipts"}
