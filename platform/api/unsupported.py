"""What a request asks for by headers, and does not get: said in Elements-Error, or refused.

Rule 1: a request that is served otherwise than asked says so.
Rule 2: what would be done now in place of later, or once in place of each time, is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.errors import json_error

ERROR = "Elements-Error"
ROOT = "/elements/api-v2/"
SCHEDULE = "Elements-Schedule-Request"
# What each stands for, where it is not "false".
ALTERED = {
    "Elements-Async-Request": "answered at once: this is the answer",
    "Elements-Async-Callback-Url": "nothing is sent to it",
    "Elements-Formula-Instance-Id": "there are no formulas",
}


class UnsupportedHeadersMiddleware:
    """Tells which headers of a request had no effect."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(ROOT):
            return self.get_response(request)
        if is_asked(request, SCHEDULE):
            return json_error(400, f"{SCHEDULE} is not supported: nothing was done")
        response = self.get_response(request)
        if response.status_code < 400:
            for name, meaning in ALTERED.items():
                if is_asked(request, name):
                    add(response, f"{name} is not supported: {meaning}")
        return response


def is_asked(request: HttpRequest, name: str) -> bool:
    """Return whether the request has the header, with another value than false."""
    return request.headers.get(name, "").strip().lower() not in ("", "false")


def add(response: HttpResponseBase, message: str) -> None:
    """Add a message to Elements-Error, after what it says already."""
    before = response.get(ERROR, "")
    response[ERROR] = f"{before}; {message}" if before else message
