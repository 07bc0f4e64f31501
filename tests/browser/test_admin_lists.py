"""Every list of the admin in a browser, and the first thing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import Browser

from tests.browser import axe
from tests.browser.reader import Reader, reader
from tests.browser.sample import Sample
from tests.browser.site import Site

LISTS = sorted(
    f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    for model in admin.site._registry
)


@pytest.fixture(scope="module")
def administrator(browser: Browser, site: Site, used: Sample) -> Iterator[Reader]:
    made = reader(browser, site, site.superuser)
    yield made
    made.page.context.close()


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_the_admin_works(administrator: Reader, name: str) -> None:
    page = administrator.page
    answer = page.goto(reverse(name))
    assert answer is not None
    assert answer.ok
    assert axe.faults(page) == []
    one = page.locator("#result_list th a").first
    if one.count():
        one.click()
        page.wait_for_load_state()
    assert administrator.watch.faults == []
