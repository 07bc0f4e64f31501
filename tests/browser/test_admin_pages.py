"""Every page of the admin in a browser: its lists, the first thing in each, what adds and deletes.

Nobody may need good eyes or a wide screen for them, nor the light.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import Browser

from tests.browser import looks
from tests.browser.reader import Reader, reader
from tests.browser.sample import Sample
from tests.browser.site import Site

MODELS = sorted(
    f"admin:{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry
)
SEEN = ("#nav-sidebar",)  # the same on every page: it is looked at on the first
KEEP_TEN_ROWS = """
document.querySelectorAll("#result_list tbody:nth-of-type(n + 11)").forEach((one) => one.remove())
"""


@pytest.fixture(scope="module")
def administrator(browser: Browser, site: Site, used: Sample) -> Iterator[Reader]:
    made = reader(browser, site, site.superuser)
    yield made
    made.page.context.close()


def test_the_dashboard_and_the_navigation(administrator: Reader) -> None:
    administrator.page.goto("/admin/")
    assert looks.faults(administrator.page) == []
    assert administrator.watch.faults == []


@pytest.mark.parametrize("model", MODELS)
def test_the_list_of_a_model_and_the_first_row(administrator: Reader, model: str) -> None:
    page = administrator.page
    answer = page.goto(reverse(f"{model}_changelist"))
    assert answer is not None
    assert answer.ok
    page.evaluate(KEEP_TEN_ROWS)  # axe takes its time for each
    assert looks.faults(page, without=SEEN) == []
    one = page.locator("#result_list th a").first
    if one.count():
        one.click()
        page.wait_for_load_state()
        assert looks.faults(page, without=SEEN) == []
    assert administrator.watch.faults == []


@pytest.mark.parametrize("model", MODELS)
def test_the_page_that_adds_one(administrator: Reader, model: str) -> None:
    page, path = administrator.page, reverse(f"{model}_add")
    if page.request.get(path).status == 403:
        return  # most are not made by hand
    answer = page.goto(path)
    assert answer is not None
    assert answer.ok
    assert looks.faults(page, without=SEEN) == []
    assert administrator.watch.faults == []


def test_the_page_that_asks_before_deleting(administrator: Reader, used: Sample) -> None:
    page = administrator.page
    page.goto(reverse("admin:instances_elementinstance_delete", args=[used.address["instance_id"]]))
    assert looks.faults(page, without=SEEN) == []
    assert administrator.watch.faults == []


def test_signing_in(browser: Browser, site: Site) -> None:
    stranger = reader(browser, site)
    stranger.page.goto("/admin/")
    assert looks.faults(stranger.page) == []
    assert stranger.watch.faults == []
    stranger.page.context.close()
