"""What the endpoints of the catalogue share: anybody reads, an account writes its own."""

from __future__ import annotations

from rest_framework.permissions import SAFE_METHODS, AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from api.authentication import Caller, caller_of
from api.permissions import IsAuthenticatedCaller
from elements.catalogue import all_elements, find
from elements.types import Element

WRITERS = "User and Organization"


class CatalogueView(APIView):
    """Who says who they are sees the own account's elements among the others."""

    def get_permissions(self) -> list[BasePermission]:
        request = getattr(self, "request", None)  # none while the API is described
        method = "GET" if request is None else str(request.method)
        if method not in SAFE_METHODS and hasattr(self, method.lower()):
            return [IsAuthenticatedCaller()]
        return [AllowAny()]


class OpenView(CatalogueView):
    """Nobody has to say who they are, whatever the method."""

    permission_classes = [AllowAny]

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()]


def elements_of(request: Request) -> tuple[Element, ...]:
    """The elements that the caller can see; without secrets those that everybody has."""
    caller = request.auth
    if not isinstance(caller, Caller):
        return all_elements()
    return all_elements(caller.organization.pk, caller.reach.account_id)


def owner_of(request: Request) -> int:
    """The organization that a private element is made, changed or deleted in."""
    return caller_of(request).organization.pk


def changing(request: Request) -> int | None:
    """The account whose elements alone the caller may change; None: those of all accounts."""
    return caller_of(request).reach.account_id


def element_of(request: Request, key_or_id: str) -> Element:
    """The element, as far as the caller can see it. Raises ElementNotFound."""
    caller = request.auth
    if not isinstance(caller, Caller):
        return find(key_or_id)
    return find(key_or_id, caller.organization.pk, caller.reach.account_id)
