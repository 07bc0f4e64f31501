"""The catalogue as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

import ceql
from api.fields import flag
from api.paging import whole_list
from api.schema import AN_OBJECT, TEXT, WHERE, WHOLE, documented, listed
from elements import docs, schema
from elements.api.view import CatalogueView, element_of, elements_of
from elements.presentation import abridged_body, element_body, metadata_body
from elements.types import Element

# What a where-clause may ask for.
FIELDS = (
    "id",
    "key",
    "name",
    "hub",
    "active",
    "private",
    "extended",
    "beta",
    "authentication.type",
)
ABRIDGED = "abridged"


class ElementsView(CatalogueView):
    @documented(
        "List the elements",
        description="Those that everybody has and, for callers with secrets, their account's "
        "own and those shared with it. `where` may name id, key, name, hub, active, private, "
        "extended, beta, authentication.type and abridged; with `abridged='true'` elements are "
        "answered without configuration, resources, objects, parameters and hooks.",
        answer=listed(schema.ELEMENT_IN_LIST),
        example=[schema.ELEMENT_EXAMPLE],
        parameters=[WHERE],
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        where = request.query_params.get("where", "")
        return whole_list(list(_wanted(elements_of(request), where)))


class KeysView(CatalogueView):
    @documented("List the elements' keys", answer=listed(TEXT), example=["gmail"], pages=WHOLE)
    def get(self, request: Request) -> Response:
        return whole_list([element.key for element in elements_of(request)])


class AllMetadataView(CatalogueView):
    @documented(
        "List what the elements offer",
        answer=listed(schema.METADATA),
        example=[schema.METADATA_EXAMPLE],
        parameters=[schema.EXPAND],
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        expand = flag(request.query_params, "expand")
        elements = elements_of(request)
        return whole_list([metadata_body(element, expand=expand) for element in elements])


class MetadataView(CatalogueView):
    @documented(
        "Read what an element offers",
        answer=schema.METADATA,
        example=schema.METADATA_EXAMPLE,
        parameters=[schema.EXPAND],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        expand = flag(request.query_params, "expand")
        return Response(metadata_body(element_of(request, key_or_id), expand=expand))


class TransformationsView(CatalogueView):
    """Always empty: elements have no transformations."""

    @documented("Read an element's default transformations", answer=AN_OBJECT, example={})
    def get(self, request: Request, key_or_id: str) -> Response:
        element_of(request, key_or_id)
        return Response({})


class DocsView(CatalogueView):
    """Of the hub calls that instances of the element take. `version` is not looked at."""

    @documented(
        "Read an element's description in Swagger 2.0",
        answer=schema.SWAGGER,
        example=schema.SWAGGER_EXAMPLE,
        parameters=[schema.VERSION],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        return Response(docs.of(element_of(request, key_or_id), host=request.get_host()))


def _wanted(elements: tuple[Element, ...], where: str) -> Iterator[dict[str, Any]]:
    """The elements that the clause asks for. Each is there twice: whole, and abridged."""
    condition = ceql.parse(where) if where.strip() else None
    if condition is not None:
        _check_fields(condition)
    for element in elements:
        body = abridged_body(element)
        if condition is None or ceql.matches(condition, {**body, ABRIDGED: False}):
            yield element_body(element)
        elif ceql.matches(condition, {**body, ABRIDGED: True}):
            yield body


def _check_fields(condition: ceql.Condition) -> None:
    known = (*FIELDS, ABRIDGED)
    for field in ceql.fields_of(condition):
        if field not in known:
            raise ceql.WhereError(f"{field[:50]} is not known here; known are {', '.join(known)}")
