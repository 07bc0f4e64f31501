"""What a page of ours may load and do in a browser: the Content-Security-Policy header."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# No form-action: browsers hold it against every redirect that follows a form, and the connect
# form leads to a provider, which may send the person on to any sign-in page of theirs.
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class ContentSecurityPolicyMiddleware:
    """Nothing inline and nothing from elsewhere, so that a script in a mail's text stays text."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response
