"""What the endpoints of the catalogue share: anybody reads, an organization writes its own."""

from __future__ import annotations

from rest_framework.permissions import SAFE_METHODS, AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from api.authentication import Caller, caller_of
from api.permissions import IsAuthenticatedCaller
from elements.catalogue import find
from elements.types import Element

WRITERS = "User and Organization"


class CatalogueView(APIView):
    """Who says who they are sees the own organization's elements among the others."""

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


def organization_of(request: Request) -> int | None:
    """The caller's organization; None of somebody who didn't say who they are."""
    return request.auth.organization.pk if isinstance(request.auth, Caller) else None


def owner_of(request: Request) -> int:
    """The organization that a private element is made, changed or deleted in."""
    return caller_of(request).organization.pk


def element_of(request: Request, key_or_id: str) -> Element:
    """The element, as far as the caller can see it. Raises ElementNotFound."""
    return find(key_or_id, organization_of(request))
