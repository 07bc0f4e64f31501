"""`make screenshots`: the pictures of the documentation, of services with a used organization.

`python -m tests.browser.screenshots [FOLDER]`; without one into docs/pictures/.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from demo.processes import ROOT
from tests.browser import chromium, sample
from tests.browser.site import running
from tests.browser.watch import watched

FOLDER = ROOT / "docs" / "pictures"
LARGEST = 200_000  # bytes
WIDTH = 1440
UNCOUNTED = "none in the last hour"  # until the worker has counted, once a minute
WAITS = 90  # of two seconds, for the worker
# Google's own limits: those of tests are out of reach.
LIMITS = {
    "GMAIL_UNITS_PER_USER_MINUTE": "6000",
    "GMAIL_UNITS_PER_PROJECT_MINUTE": "1200000",
    "GMAIL_UNITS_PER_PROJECT_DAY": "80000000",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """`path` may have parts that tests/browser/sample.py fills in; `height` is of the window.

    It is taken once the text `once_gone` is no longer on the page, or after three minutes.
    """

    name: str
    path: str
    height: int = 900
    of_administrator: bool = False
    once_gone: str = ""


PICTURES = (
    Picture("catalogue", "/catalogue", 620),
    Picture("form", "/catalogue/gmail/authenticate", 1300),
    Picture("instances", "/instances", 620),
    Picture("instance", "/instances/{instance_id}", 1000),
    Picture("event", "/events/{event_id}", 1200),
    Picture("inbox", "/inbox", 620),
    Picture("dashboard", "/admin/", 1000, of_administrator=True, once_gone=UNCOUNTED),
)


@contextmanager
def _folder() -> Iterator[Path]:
    """For what the services keep, where PostgreSQL's own user can reach it."""
    with tempfile.TemporaryDirectory(prefix="periodic-pictures-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def take(page: Page, picture: Picture, address: dict[str, str], folder: Path) -> int:
    """Writes the picture; its size in bytes."""
    page.set_viewport_size({"width": WIDTH, "height": picture.height})
    answer = page.goto(picture.path.format_map(address))
    assert answer is not None
    assert answer.ok, f"{picture.path} answers {answer.status}"
    page.wait_for_load_state("networkidle")
    for _ in range(WAITS if picture.once_gone else 0):
        if page.get_by_text(picture.once_gone).count() == 0:
            break
        page.wait_for_timeout(2000)
        page.reload()
    return len(page.screenshot(path=folder / f"{picture.name}.png", animations="disabled"))


def main() -> int:
    if chromium.installed() is None:
        sys.stderr.write(f"{chromium.MISSING}\n")
        return 1
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    too_large = []
    with _folder() as var, running(var, **LIMITS) as site, sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        made = sample.make(site, site.new_member())
        pages = {
            False: watched(browser, site, made.member)[0],
            True: watched(browser, site, site.superuser)[0],
        }
        for picture in PICTURES:
            size = take(pages[picture.of_administrator], picture, made.address, folder)
            sys.stdout.write(f"{folder / picture.name}.png  {size:,} bytes\n")
            if size > LARGEST:
                too_large.append(picture.name)
        browser.close()
    if too_large:
        sys.stderr.write(f"larger than {LARGEST:,} bytes: {', '.join(too_large)}\n")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
