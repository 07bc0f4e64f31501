"""What axe-core finds wrong on a page for those who cannot see it, or use no mouse.

`axe/axe.min.js` is axe-core 4.14.1 as npm has it (MPL 2.0, `axe/LICENSE`): for tests only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from playwright.sync_api import Page

SERIOUS = frozenset({"serious", "critical"})
COLOURS = ("color-contrast",)  # all that depends on light and dark
THERE = "typeof axe === 'object'"
RUN = """
async ({ rules, without }) => {
  // A switch of theme or width is drawn, and what it moves has arrived.
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  for (const one of document.getAnimations()) {
    if (Number.isFinite(one.effect.getComputedTiming().endTime)) one.finish();
  }
  const options = { resultTypes: ["violations"] };
  if (rules.length) options.runOnly = rules;
  const { violations } = await axe.run({ exclude: without }, options);
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map((node) => [impact, `${id}: ${node.html.slice(0, 200)}: ${node.failureSummary}`]));
}
"""


@cache
def _source() -> str:
    return (Path(__file__).parent / "axe" / "axe.min.js").read_text()


def faults(page: Page, *, rules: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
    """The serious and the critical ones: rule, node, and what is wrong with it.

    `rules` are the only ones that are asked, of all; `without` are selectors of what is left out.
    """
    if not page.evaluate(THERE):
        page.evaluate(_source())  # by the debugger, which no Content-Security-Policy holds
    found = page.evaluate(RUN, {"rules": list(rules), "without": list(without)})
    return [told for impact, told in found if impact in SERIOUS]
