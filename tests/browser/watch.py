"""What must not happen on any page, whatever is tested there: noted as it happens."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    WebError,
    expect,
)

from tests.browser.site import Member, Site

PATIENCE = 180_000  # milliseconds; a slow machine is no defect
WIDE = {"width": 1440, "height": 900}
HERE = frozenset({"127.0.0.1"})
INSIDE = frozenset({"about", "blob", "data"})  # schemes that nothing leaves the browser for
# Chromium says so of an answer of any status over 399; `_answered` knows which are meant to be.
OF_AN_ANSWER = "Failed to load resource"
PAGES = frozenset({"document", "xhr", "fetch"})  # whose answers may be refusals: 4xx
expect.set_options(timeout=PATIENCE)


class Watch:
    """Watches every page of a context. `faults` are sentences, in the order they came."""

    def __init__(self, context: BrowserContext) -> None:
        self.faults: list[str] = []
        context.on("console", self._said)
        context.on("weberror", self._raised)
        context.on("request", self._asked)
        context.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        """Violations of the Content-Security-Policy are said as errors, too."""
        if message.type == "error" and not message.text.startswith(OF_AN_ANSWER):
            self.faults.append(f"the console says: {message.text}")

    def _raised(self, error: WebError) -> None:
        self.faults.append(f"a script fails: {error.error}")

    def _asked(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in INSIDE and address.hostname not in HERE:
            self.faults.append(f"a request leaves the machine: {request.url}")

    def _answered(self, response: Response) -> None:
        least = 500 if response.request.resource_type in PAGES else 400
        if response.status >= least:
            self.faults.append(f"{response.url} answers {response.status}")


def watched(
    browser: Browser, site: Site, member: Member | None = None, **how: Any
) -> tuple[Page, Watch]:
    """A page in a context of its own, and what watches it.

    A member is signed in. Further arguments are Playwright's: color_scheme, viewport and so on.
    """
    given = {"viewport": WIDE, "reduced_motion": "reduce", **how}
    context = browser.new_context(base_url=site.url, **given)
    watch = Watch(context)
    context.set_default_timeout(PATIENCE)
    if member is not None:
        cookie = {"name": "sessionid", "value": member.session, "url": site.url}
        context.add_cookies([cookie])  # type: ignore[list-item]  # a TypedDict of the same
    return context.new_page(), watch
