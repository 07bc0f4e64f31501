"""A browser, the services that it visits, and pages that nothing wrong may happen on."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from demo.processes import ROOT
from tests import database
from tests.browser import chromium, sample
from tests.browser.sample import Sample
from tests.browser.site import Member, Site, running
from tests.browser.watch import Watch, watched

PICTURES = ROOT / "var" / "browser"  # of pages whose test has failed
DATABASE = "test_browser"

PAGES = pytest.StashKey[list[Page]]()

Opened = Callable[..., Page]


def pytest_itemcollected(item: pytest.Item) -> None:
    """All in one process, for each process would start services of its own."""
    item.add_marker(pytest.mark.xdist_group("browser"))
    item.add_marker(pytest.mark.installation)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keeps a picture of each page of a test that has failed."""
    report = yield
    if report.when == "call" and report.failed and "open_page" in getattr(item, "funcargs", {}):
        PICTURES.mkdir(parents=True, exist_ok=True)
        pages = item.stash.get(PAGES, None) or []
        for number, page in enumerate(pages):
            path = PICTURES / f"{re.sub(r'[^a-zA-Z0-9_-]+', '-', item.name)}-{number}.png"
            page.screenshot(path=path, full_page=True)
            report.sections.append(("The page", f"{page.url}\n{path}"))
    return report


@pytest.fixture(scope="package")
def _chromium() -> None:
    if chromium.installed() is None:
        if chromium.required():
            pytest.fail(chromium.MISSING)
        pytest.skip(chromium.MISSING)


@pytest.fixture(scope="package")
def site(
    _chromium: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    with django_db_blocker.unblock():
        template = database.make_template()
        with _database(template), running(tmp_path_factory.mktemp("site"), _url()) as site:
            yield site


@contextmanager
def _database(template: str) -> Iterator[None]:
    server = connection.copy()
    server.settings_dict["NAME"] = "postgres"
    drop = f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)"
    with closing(server), server.cursor() as cursor:
        cursor.execute(drop)
        cursor.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {template}")
        yield
        cursor.execute(drop)


def _url() -> str:
    return database.url_of(DATABASE)


@pytest.fixture(scope="package")
def used(site: Site) -> Sample:
    """An organization with accounts and events, for those who only look."""
    return sample.make(site, site.new_member())


@pytest.fixture(scope="package")
def browser(site: Site) -> Iterator[Browser]:
    """Asks for the site first: within Playwright's loop Django lets nobody at a database."""
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def member(site: Site) -> Member:
    """A user of an organization that has nothing yet."""
    return site.new_member()


@pytest.fixture
def open_page(browser: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Opens a page in a context of its own: open_page(member) is signed in, open_page() is not.

    Further arguments are Playwright's, such as color_scheme and viewport. After the test no page
    may have had a fault.
    """
    opened: list[tuple[Page, Watch]] = []

    def make(member: Member | None = None, **how: Any) -> Page:
        page, watch = watched(browser, site, member, **how)
        opened.append((page, watch))
        request.node.stash.setdefault(PAGES, []).append(page)
        return page

    yield make
    for page, _ in opened:
        page.context.close()
    assert [fault for _, watch in opened for fault in watch.faults] == []


@pytest.fixture
def page(open_page: Opened) -> Page:
    """Nobody is signed in."""
    return open_page()


@pytest.fixture
def signed_in(open_page: Opened, member: Member) -> Page:
    """A page of the member's."""
    return open_page(member)
