"""A page as it is seen: on a phone and in a wide window, in the dark and in the light."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Page

from tests.browser import axe
from tests.browser.watch import WIDE

PHONE = {"width": 390, "height": 844}


def faults(page: Page, *, without: Sequence[str] = ()) -> list[str]:
    """What is wrong with the page in any of the four, which it is switched to and not loaded for.

    Light and dark differ in colours alone: all else is looked at once a width. It is left wide and
    light.
    """
    found = []
    for size in (PHONE, WIDE):
        page.set_viewport_size(size)  # type: ignore[arg-type]  # a TypedDict of the same
        page.emulate_media(color_scheme="dark")
        found += [f"{size['width']}, dark: {one}" for one in _pale(page, without)]
        page.emulate_media(color_scheme="light")
        wrong = [*axe.faults(page, without=without), *sideways(page)]
        found += [f"{size['width']}, light: {one}" for one in wrong]
    return found


def _pale(page: Page, without: Sequence[str]) -> list[str]:
    return axe.faults(page, rules=axe.COLOURS, without=without)


def sideways(page: Page) -> list[str]:
    """What makes a page wider than its window."""
    found: list[str] = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.querySelectorAll("body *")]
            .filter((one) => one.getBoundingClientRect().right > width)
            .map((one) => `wider than the window: ${one.outerHTML.slice(0, 200)}`);
        }"""
    )
    return found
