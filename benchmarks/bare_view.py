"""The measure of the API's ratios: a REST framework view that does nothing, on the same server.

This is the URL configuration of the server that is measured: all of the product's addresses, and
the bare view beside them, behind the same middleware. Whatever is answered is of the same size.
"""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as of_the_product

ANSWER: dict[str, Any] = {"id": 1, "name": "Mailbox", "padding": "x" * 2_000}


class BareView(APIView):
    authentication_classes = []
    permission_classes = []
    throttle_classes = []

    def get(self, request: Request) -> Response:
        return Response(ANSWER)

    def post(self, request: Request) -> Response:
        return Response({**ANSWER, "read": len(request.data)})


__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("elements/api-v2/bare", BareView.as_view()), *of_the_product]
