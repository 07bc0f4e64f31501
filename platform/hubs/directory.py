"""/hubs: the families that elements come in. Nobody has to say who they are here."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.authentication import Caller
from api.errors import NotFound
from api.fields import flag
from api.paging import whole_list
from api.schema import TEXT, WHOLE, documented, listed
from elements import catalogue
from elements.presentation import configuration_id, element_body
from elements.schema import ELEMENT, ELEMENT_EXAMPLE
from elements.types import Element
from hubs import schema

# What is said of the hubs that need words of their own.
DESCRIPTIONS = {"general": "Elements of every kind, each with resources of its own"}


class DirectoryView(APIView):
    permission_classes = [AllowAny]

    def elements(self, request: Request, hub: str | None = None) -> list[Element]:
        """The elements that the caller may see, in that hub. Raises NotFound when it has none."""
        caller = request.auth
        found = catalogue.all_elements()
        if isinstance(caller, Caller):
            found = catalogue.all_elements(caller.organization.pk, caller.reach.account_id)
        if hub is None:
            return list(found)
        own = [element for element in found if element.hub == hub]
        if not own:
            raise NotFound(f"No hub found with key {hub[:100]}")
        return own


class HubsView(DirectoryView):
    @documented(
        "List the hubs",
        answer=listed(schema.HUB),
        example=[schema.HUB_EXAMPLE],
        parameters=[schema.HYDRATE],
        pages=WHOLE,
    )
    def get(self, request: Request) -> Response:
        elements = self.elements(request)
        hydrate = flag(request.query_params, "hydrate")
        hubs = sorted({element.hub for element in elements})
        return whole_list([_hub_json(hub, elements, hydrate=hydrate) for hub in hubs])


class KeysView(DirectoryView):
    @documented("List the hubs' keys", answer=listed(TEXT), example=["general"], pages=WHOLE)
    def get(self, request: Request) -> Response:
        return whole_list(sorted({element.hub for element in self.elements(request)}))


class HubView(DirectoryView):
    @documented("Read a hub", answer=schema.HUB, example=schema.HUB_EXAMPLE)
    def get(self, request: Request, hub_key: str) -> Response:
        return Response(_hub_json(hub_key, self.elements(request, hub_key), hydrate=False))


class ElementsView(DirectoryView):
    @documented(
        "List the elements of a hub",
        answer=listed(ELEMENT),
        example=[ELEMENT_EXAMPLE],
        pages=WHOLE,
    )
    def get(self, request: Request, hub_key: str) -> Response:
        return whole_list([element_body(one) for one in self.elements(request, hub_key)])


def _hub_json(hub: str, elements: list[Element], *, hydrate: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": configuration_id(f"hub {hub}"),
        "name": hub.replace("-", " ").title(),
        "key": hub,
        "description": DESCRIPTIONS.get(hub, ""),
        "active": True,
    }
    if hydrate:
        names = {
            resource.name
            for element in elements
            if element.hub == hub
            for resource in element.resources
        }
        body["resources"] = sorted(names)
    return body
