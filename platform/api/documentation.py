"""The API's description: /elements/api-v2/openapi.json for tools, /elements/api-docs for people."""

from __future__ import annotations

from functools import cache
from typing import Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.openapi import Generator


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document; the same until the server is started anew."""
    generator = Generator()  # type: ignore[no-untyped-call]  # of drf-spectacular
    described: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return described


class OpenAPIView(APIView):
    permission_classes = [AllowAny]
    schema = None  # the document does not describe itself

    def get(self, request: Request) -> Response:
        return Response(document())
