"""Each page of the console, as many people need it: read aloud, on a phone, in the dark.

The pages are those that the URL patterns name, so that a new one is looked at as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.urls import URLPattern, reverse
from playwright.sync_api import APIResponse, Browser

from console.urls import urlpatterns
from tests.browser import looks
from tests.browser.reader import Reader, reader
from tests.browser.sample import Sample
from tests.browser.site import Site

# What a page answers to somebody who comes with nothing in hand.
REFUSALS = {"oauth-callback": 400, "verify-address": 400}
# Who is signed in is led on from these.
FOR_STRANGERS = frozenset({"sign-in", "forgotten-password", "new-password"})


@dataclass
class Readers:
    """Who looks, and what is in an address."""

    signed_in: Reader
    stranger: Reader
    used: Sample


@pytest.fixture(scope="module")
def readers(browser: Browser, site: Site, used: Sample) -> Iterator[Readers]:
    found = Readers(reader(browser, site, used.member), reader(browser, site), used)
    yield found
    for one in (found.signed_in, found.stranger):
        one.page.context.close()


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_everybody_can_read_it(site: Site, readers: Readers, pattern: URLPattern) -> None:
    name = str(pattern.name)
    path = reverse(f"console:{name}", kwargs=parameters(readers.used, pattern))
    one = readers.stranger if name in FOR_STRANGERS else readers.signed_in
    if not is_page(one.page.request.get(path)):
        return
    answer = one.page.goto(path)
    assert answer is not None
    assert answer.status == REFUSALS.get(name, 200)
    assert name in FOR_STRANGERS or not one.page.url.startswith(f"{site.url}/sign-in")
    assert looks.faults(one.page) == []
    assert one.watch.faults == []


def parameters(used: Sample, pattern: URLPattern) -> dict[str, str]:
    known = used.address | used.address_of.get(str(pattern.name), {})
    wanted = set(pattern.pattern.regex.groupindex)
    assert wanted <= set(known), f"tests/browser/sample.py has to say what {wanted} stand for"
    return {one: known[one] for one in wanted}


def is_page(answer: APIResponse) -> bool:
    """Whether somebody may go there: not something to do (405), nor a part of a page."""
    html = answer.headers["content-type"].startswith("text/html")
    return answer.status != 405 and html and "<html" in answer.text()
