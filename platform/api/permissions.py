"""What a view asks of its caller. A missing pair is a 401, not a 403."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from api.authentication import Caller

if TYPE_CHECKING:
    # Not at run time: it loads REST framework's settings, which load this module.
    from rest_framework.views import APIView


class IsAuthenticatedCaller(BasePermission):
    """User and Organization secrets: the platform's own API."""

    needs = "User and Organization"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return _granted(isinstance(request.auth, Caller) and request.auth.organization_proven)


class IsElementCaller(BasePermission):
    """User secret and Element token: what runs on one instance. `request.auth.instance` is set."""

    needs = "User and Element"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return _granted(isinstance(request.auth, Caller) and request.auth.instance is not None)


class IsAnyCaller(BasePermission):
    """User secret and one of the two others."""

    needs = "User, and Organization or Element"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return _granted(isinstance(request.auth, Caller))


def _granted(granted: bool) -> bool:
    if not granted:
        raise NotAuthenticated
    return True
