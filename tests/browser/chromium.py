"""Chromium as the machine has it, and how it is started."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

MISSING = "Chromium is not installed (apt-get install chromium)"
REQUIRED = "BROWSER_TESTS"  # environment variable; "required" makes a missing Chromium a failure
ARGUMENTS = (
    "--no-sandbox",  # of root in a container; it visits nothing but our own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever it is told to load, no other machine is asked for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def installed() -> str | None:
    """The path of the program, None where there is none."""
    return shutil.which("chromium")


def required() -> bool:
    return os.environ.get(REQUIRED) == "required"


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=installed(), args=ARGUMENTS)
