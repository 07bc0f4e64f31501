"""Private elements: made, changed, copied and deleted by the account that owns them."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from api.authentication import caller_of
from api.fields import flag
from api.schema import documented
from elements import register, schema
from elements.api import reading
from elements.api.view import WRITERS, CatalogueView, changing, element_of, owner_of
from elements.presentation import element_body, exported_body
from elements.types import Element


class ElementsView(reading.ElementsView):
    @documented(
        "Make an element of one's own",
        description="The body is of the form that `export` answers: docs/elements.md. Without a "
        "`key` the element gets the letters and digits of its name.",
        request=schema.DEFINITION,
        request_example=schema.DEFINITION_EXAMPLE,
        answer=schema.ELEMENT,
        example=schema.ELEMENT_EXAMPLE,
        errors=[409],
        needs=WRITERS,
    )
    def post(self, request: Request) -> Response:
        return _answer(
            register.create(
                owner_of(request), request.data, account_id=caller_of(request).user.account_id
            )
        )


class ElementView(CatalogueView):
    @documented("Read an element", answer=schema.ELEMENT, example=schema.ELEMENT_EXAMPLE)
    def get(self, request: Request, key_or_id: str) -> Response:
        return _answer(element_of(request, key_or_id))

    @documented(
        "Replace an element of one's own",
        description="The key stays. What `GET` answers may be sent back: masked secrets stay as "
        "they are. Instances go on with the new definition at once; while there are any, its "
        "addresses stay at their hosts.",
        errors=[409],
        request=schema.DEFINITION,
        request_example=schema.DEFINITION_EXAMPLE,
        answer=schema.ELEMENT,
        example=schema.ELEMENT_EXAMPLE,
        needs=WRITERS,
    )
    def put(self, request: Request, key_or_id: str) -> Response:
        return _answer(
            register.replace(
                owner_of(request), key_or_id, request.data, account_id=changing(request)
            )
        )

    @documented(
        "Delete an element of one's own",
        description="It must have no instances.",
        errors=[409],
        needs=WRITERS,
    )
    def delete(self, request: Request, key_or_id: str) -> Response:
        register.remove(owner_of(request), key_or_id, account_id=changing(request))
        return Response()


class ActiveView(CatalogueView):
    @documented(
        "Let instances be made of an element of one's own",
        answer=schema.ELEMENT,
        example=schema.ELEMENT_EXAMPLE,
        needs=WRITERS,
    )
    def put(self, request: Request, key_or_id: str) -> Response:
        return _answer(
            register.activate(
                owner_of(request), key_or_id, active=True, account_id=changing(request)
            )
        )

    @documented(
        "Let no more instances be made of an element of one's own",
        description="Those that there are go on.",
        answer=schema.ELEMENT,
        example=schema.ELEMENT_EXAMPLE,
        needs=WRITERS,
    )
    def delete(self, request: Request, key_or_id: str) -> Response:
        return _answer(
            register.activate(
                owner_of(request), key_or_id, active=False, account_id=changing(request)
            )
        )


class ExportView(CatalogueView):
    @documented(
        "Export an element, to make another of it",
        description="Without its secrets. A built-in element is exported as one that extends it.",
        answer=schema.EXPORTED,
        example=schema.EXPORTED_EXAMPLE,
        parameters=[schema.EXTENDED_ONLY],
    )
    def get(self, request: Request, key_or_id: str) -> Response:
        own_only = flag(request.query_params, "extendedOnly")
        element = element_of(request, key_or_id)
        exported = register.exported(element, own_only=own_only)
        return Response(exported_body(element, exported))


class CloneView(CatalogueView):
    @documented(
        "Copy an element",
        description="The copy is private, whatever the original is, and has none of its secrets. "
        "A copy of a built-in element extends it: it follows it in everything that it does not "
        "say itself.",
        request=schema.CLONE_WANTED,
        request_example={"name": "Our Gmail", "key": "our-gmail"},
        answer=schema.ELEMENT,
        example=schema.ELEMENT_EXAMPLE,
        errors=[409],
        needs=WRITERS,
    )
    def post(self, request: Request, key_or_id: str) -> Response:
        return _answer(
            register.clone(
                owner_of(request),
                element_of(request, key_or_id),
                request.data,
                account_id=caller_of(request).user.account_id,
            )
        )


def _answer(element: Element) -> Response:
    return Response(element_body(element))
