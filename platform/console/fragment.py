"""Parts of a page that renew themselves, and are sent anew only when they have changed.

A part says in a hidden field `known` what it is; asked with it, one that is still the same answers
204, and the browser touches nothing: neither what has the focus nor what is selected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

# Another one for each answer, of the same secret.
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


@dataclass(frozen=True, slots=True)
class Fragment:
    """`html` is of a template: what others wrote is escaped in it."""

    html: str
    digest: str

    @classmethod
    def of(cls, request: HttpRequest, template: str, context: dict[str, Any]) -> Fragment:
        html = render_to_string(template, context, request)
        return cls(html, sha256(TOKEN.sub("", html).encode()).hexdigest()[:32])

    def answer(self, request: HttpRequest) -> HttpResponse:
        if request.GET.get("known") == self.digest:
            return HttpResponse(status=204)
        answer = HttpResponse(self.html)
        answer.write(f'<input type="hidden" name="known" value="{self.digest}">')
        return answer


def is_wanted(request: HttpRequest) -> bool:
    """Whether a part of the page asks, and not a person for a whole one."""
    return request.headers.get("HX-Request") == "true"
