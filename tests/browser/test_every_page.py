"""Each page of the console, as many people need it: read aloud, on a phone, in the dark.

The pages are those that the URL patterns name, so that a new one is looked at as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.urls import URLPattern, reverse
from playwright.sync_api import APIResponse, Browser, Page

from console.urls import urlpatterns
from tests.browser import axe, sample
from tests.browser.site import Site
from tests.browser.watch import Watch, watched

PHONE = {"width": 390, "height": 844}
# What a page answers to somebody who comes with nothing in hand.
REFUSALS = {"oauth-callback": 400}
FOR_STRANGERS = frozenset(
    {"sign-in", "forgotten-password", "new-password"}
)  # who is signed in is led on


@dataclass
class Reader:
    page: Page
    watch: Watch


@dataclass
class Readers:
    """One at a desk in the light, one with a phone in the dark, and what is in an address."""

    signed_in: list[Reader]
    strangers: list[Reader]
    sample: sample.Sample


@pytest.fixture(scope="module")
def readers(browser: Browser, site: Site) -> Iterator[Readers]:
    made = sample.make(site, site.new_member())
    ways = ({"color_scheme": "light"}, {"color_scheme": "dark", "viewport": PHONE})
    signed_in = [Reader(*watched(browser, site, made.member, **way)) for way in ways]
    strangers = [Reader(*watched(browser, site, **way)) for way in ways]
    yield Readers(signed_in, strangers, made)
    for reader in (*signed_in, *strangers):
        reader.page.context.close()


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_everybody_can_read_it(site: Site, readers: Readers, pattern: URLPattern) -> None:
    name = str(pattern.name)
    path = reverse(f"console:{name}", kwargs=parameters(readers.sample, pattern))
    who = readers.strangers if name in FOR_STRANGERS else readers.signed_in
    sign_in = f"{site.url}/sign-in"
    if not is_page(who[0].page.request.get(path)):
        return
    for reader in who:
        answer = reader.page.goto(path)
        assert answer is not None
        assert answer.status == REFUSALS.get(name, 200)
        assert name in FOR_STRANGERS or not reader.page.url.startswith(sign_in)
        assert axe.faults(reader.page) == []
        assert sideways(reader.page) == []
        assert reader.watch.faults == []


def parameters(made: sample.Sample, pattern: URLPattern) -> dict[str, str]:
    known = made.address | made.address_of.get(str(pattern.name), {})
    wanted = set(pattern.pattern.regex.groupindex)
    assert wanted <= set(known), f"tests/browser/sample.py has to say what {wanted} stand for"
    return {one: known[one] for one in wanted}


def is_page(answer: APIResponse) -> bool:
    """Whether somebody may go there: not something to do (405), nor a part of a page."""
    html = answer.headers["content-type"].startswith("text/html")
    return answer.status != 405 and html and "<html" in answer.text()


def sideways(page: Page) -> list[str]:
    """What makes a page wider than its window."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((one) => one.getBoundingClientRect().right > width)
            .map((one) => one.outerHTML.slice(0, 200));
        }"""
    )
    return found
