"""A made-up provider that has no change feed (its server: tests/polling/shelf.py)."""

from __future__ import annotations

from elements.types import (
    ApiKey,
    ConfigurationField,
    Element,
    Operation,
    Paging,
    PagingKind,
    Parameter,
    Resource,
    Setting,
)

POLLER = '{"items": {"url": "/hubs/general/items", "idField": "id"}}'
NUMBERED = Paging("limit", "page", largest=3, kind=PagingKind.PAGE)
BY_TOKEN = Paging("limit", "after", "next", largest=3)

ELEMENT = Element(
    id=900_002,
    key="shelf",
    name="Shelf",
    hub="general",
    description="A provider for tests",
    base_url=Setting("SHELF_API_BASE_URL", "http://127.0.0.1:1"),
    authentication=ApiKey("X-Key", "key "),
    resources=(
        Resource(
            "items",
            (
                Operation(
                    "GET",
                    "/items",
                    "/items",
                    listing=True,
                    root_key="items",
                    paging=NUMBERED,
                    parameters=(Parameter("colour"), Parameter("since")),
                ),
                Operation("GET", "/items/{id}", "/items/{id}"),
            ),
        ),
        Resource(
            "names",
            (
                Operation(
                    "GET",
                    "/names",
                    "/names",
                    listing=True,
                    root_key="items",
                    paging=BY_TOKEN,
                    parameters=(Parameter("since"),),
                ),
                Operation("GET", "/names/{id}", "/items/{id}"),
            ),
            lists_ids_only=True,
        ),
    ),
    configuration=(ConfigurationField("event.poller.configuration", "Poller", default=POLLER),),
)
