"""Somebody with a page that is watched for longer than one test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.site import Member, Site
from tests.browser.watch import Watch, watched


@dataclass(frozen=True, slots=True)
class Reader:
    page: Page
    watch: Watch


def reader(browser: Browser, site: Site, member: Member | None = None, **how: Any) -> Reader:
    return Reader(*watched(browser, site, member, **how))
