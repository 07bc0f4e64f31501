"""What an element asks of its instances, entry by entry."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import NotFound
from api.fields import json_object
from api.schema import documented
from elements import register, schema
from elements.api.view import WRITERS, CatalogueView, changing, element_of, owner_of
from elements.definition import configuration
from elements.definition.reading import Part
from elements.errors import ElementConflict
from elements.presentation import configuration_body, field_body
from elements.types import Element


class ConfigurationView(CatalogueView):
    @documented(
        "Read what an element asks of its instances",
        answer=schema.ELEMENT_CONFIGURATION,
        example={"configuration": [schema.FIELD_EXAMPLE]},
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        return Response({"configuration": configuration_body(element_of(request, key_or_id))})

    @documented(
        "Add an entry to the configuration of an element of one's own",
        request=schema.FIELD_WANTED,
        request_example={"key": "region", "name": "Region", "defaultValue": "eu"},
        answer=schema.FIELD,
        example=schema.FIELD_EXAMPLE,
        errors=[409],
        needs=WRITERS,
    )
    def post(self, request: Request, key_or_id: str) -> Response:
        wanted = json_object(request.data)
        key = configuration.field(Part.of(wanted)).key

        def add(entries: list[dict[str, Any]]) -> None:
            if any(entry["key"] == key for entry in entries):
                raise ElementConflict(f"key: the configuration has an entry {key} already")
            entries.append(wanted)

        return _answer(
            register.configure(owner_of(request), key_or_id, add, account_id=changing(request)), key
        )


class EntryView(CatalogueView):
    @documented(
        "Replace an entry of the configuration of an element of one's own",
        description="The key stays. A masked secret stays as it is.",
        request=schema.FIELD_CHANGED,
        request_example={"name": "Region", "defaultValue": "us"},
        answer=schema.FIELD,
        example=schema.FIELD_EXAMPLE,
        errors=[409],
        needs=WRITERS,
    )
    def put(self, request: Request, key_or_id: str, configuration_key: str) -> Response:
        wanted = json_object(request.data)
        given = Part.of(wanted)
        if given.text("key", default=configuration_key) not in {"", configuration_key}:
            given.refuse("key", f"must stay {configuration_key}")
        wanted = {**wanted, "key": configuration_key}
        configuration.field(Part.of(wanted))

        def put(entries: list[dict[str, Any]]) -> None:
            entries[_place(entries, configuration_key)] = wanted

        return _answer(
            register.configure(owner_of(request), key_or_id, put, account_id=changing(request)),
            configuration_key,
        )

    @documented(
        "Delete an entry of the configuration of an element of one's own",
        description="One that every element has comes back as it is everywhere.",
        errors=[409],
        needs=WRITERS,
    )
    def delete(self, request: Request, key_or_id: str, configuration_key: str) -> Response:
        def delete(entries: list[dict[str, Any]]) -> None:
            del entries[_place(entries, configuration_key)]

        register.configure(owner_of(request), key_or_id, delete, account_id=changing(request))
        return Response()


def _place(entries: list[dict[str, Any]], key: str) -> int:
    for place, entry in enumerate(entries):
        if entry["key"] == key:
            return place
    raise NotFound(f"No configuration found with key {key[:200]}")


def _answer(element: Element, key: str) -> Response:
    for place, field in enumerate(element.configuration, start=1):
        if field.key == key:
            return Response(field_body(field, place))
    raise NotFound(f"No configuration found with key {key[:200]}")
