"""axe-core and small screens: what it finds is found, so that a page that has it fails."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import axe


def test_a_field_without_a_label_is_found(page: Page) -> None:
    page.goto("/sign-in")
    assert axe.faults(page) == []
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    [fault] = axe.faults(page)
    assert fault.startswith("label: <input>")
