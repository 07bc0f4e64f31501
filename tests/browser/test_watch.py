"""Whatever must not happen on a page is noticed, so that a test of a page fails of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.site import Site
from tests.browser.watch import Watch


@pytest.fixture
def watched(browser: Browser, site: Site) -> Iterator[tuple[Page, Watch]]:
    context = browser.new_context(base_url=site.url)
    watch = Watch(context)
    page = context.new_page()
    page.goto("/sign-in")
    assert watch.faults == []
    yield page, watch
    context.close()


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("console.error('oh no')", "the console says: oh no"),
        ("setTimeout(() => { throw new Error('oh no') })", "a script fails: oh no"),
        ("document.body.append(document.createElement('style'))", "Content Security Policy"),
        ("document.body.innerHTML = '<p style=\"color:red\">'", "Content Security Policy"),
        ("location.href = 'javascript:x()'", "Content Security Policy"),
        ("new Image().src = 'http://192.0.2.1/x.png'", "a request leaves the machine"),
        ("new Image().src = '/no-such-picture.png'", "no-such-picture.png answers 404"),
    ],
)
def test_it_is_noticed(watched: tuple[Page, Watch], script: str, fault: str) -> None:
    page, watch = watched
    page.evaluate(f"() => {{ {script} }}")
    for _ in range(100):
        if watch.faults:
            break
        page.wait_for_timeout(20)  # in which the browser's news arrive
    assert any(fault in one for one in watch.faults)


def test_a_page_that_says_no_is_none(watched: tuple[Page, Watch]) -> None:
    page, watch = watched
    answer = page.goto("/no-such-page")
    assert answer is not None
    assert answer.status == 404
    assert watch.faults == []
