"""The API's description: /elements/api-v2/openapi.json for tools, /elements/api-docs for people."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.openapi import PREFIX, Generator
from elements import built_in

URLS = "config.urls"
# That of every page, but in anybody's frame: nothing here is done in the name of a signed-in user.
PAGE_POLICY = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'"


@cache
def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document; the same until the server is started anew."""
    generator = Generator(urlconf=URLS)  # type: ignore[no-untyped-call]  # of drf-spectacular
    described: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return described


class OpenAPIView(APIView):
    permission_classes = [AllowAny]
    schema = None  # the document does not describe itself

    def get(self, request: Request) -> Response:
        return Response(document())


@require_safe
@xframe_options_exempt
def docs_page(request: HttpRequest) -> HttpResponse:
    """Every endpoint, to be read and tried in the browser. Loads nothing from other sites.

    `?element=gmail` shows the hub calls of one element instead of the platform's endpoints.
    """
    elements = built_in.elements()
    shown = elements.get(request.GET.get("element", ""))
    document_url = f"{PREFIX}/elements/{shown.key}/docs" if shown else reverse("openapi")
    context = {"elements": elements.values(), "shown": shown, "document_url": document_url}
    response = render(request, "api_docs.html", context)
    response["Content-Security-Policy"] = PAGE_POLICY
    return response
