"""axe-core and small screens: what it finds is found, so that a page that has it fails."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser import axe, looks


def test_a_field_without_a_label_is_found(page: Page) -> None:
    page.goto("/sign-in")
    assert axe.faults(page) == []
    page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    [fault] = axe.faults(page)
    assert fault.startswith("label: <input>")


def test_what_is_pale_in_the_dark_alone_is_found(page: Page) -> None:
    page.goto("/sign-in")
    assert looks.faults(page) == []
    page.evaluate("document.querySelector('h1').style.color = 'light-dark(#000, #222)'")
    found = looks.faults(page)
    assert [one.partition(":")[0] for one in found] == ["390, dark", "1440, dark"]
    assert all("color-contrast" in one for one in found)


def test_what_is_wider_than_a_phone_is_found(page: Page) -> None:
    page.goto("/sign-in")
    page.evaluate("document.querySelector('h1').style.minWidth = '600px'")
    assert all(one.startswith("390, light: wider than") for one in looks.faults(page))
    assert looks.faults(page) != []
