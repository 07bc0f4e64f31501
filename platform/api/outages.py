"""Answers with 503 where the database cannot be used now, on pages as well as below the API."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from api.errors import outage_answer


class OutageMiddleware:
    """Stands in for the error page, and for the traceback that Django would log each time.

    What the middleware of others raises goes to `api.errors.handler500`, which answers alike.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return outage_answer(request, exception)
