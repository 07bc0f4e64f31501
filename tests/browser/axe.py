"""What axe-core finds wrong on a page for those who cannot see it, or use no mouse.

`axe/axe.min.js` is axe-core 4.14.1 as npm has it (MPL 2.0, `axe/LICENSE`): for tests only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

SERIOUS = frozenset({"serious", "critical"})
RUN = """
async () => {
  const options = { resultTypes: ["violations"] };
  const { violations } = await axe.run(document, options);
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => [impact, `${id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`]));
}
"""


@cache
def _source() -> str:
    return (Path(__file__).parent / "axe" / "axe.min.js").read_text()


def faults(page: Page) -> list[str]:
    """The serious and the critical ones: rule, node, and what is wrong with it."""
    page.evaluate(_source())  # by the debugger, which no Content-Security-Policy holds
    return [told for impact, told in page.evaluate(RUN) if impact in SERIOUS]
