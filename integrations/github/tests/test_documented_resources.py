"""docs/github.md names every call there is, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

from integrations.github.element import ELEMENT, POLLER

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "github.md").read_text()


def test_every_call_is_documented_and_the_other_way_round() -> None:
    written = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \|", PAGE, re.MULTILINE)
    there = {(one.method, one.path) for r in ELEMENT.resources for one in r.operations}
    assert len(written) == len(set(written))
    assert set(written) == there


def test_everything_that_is_told_is_documented() -> None:
    for name in POLLER:
        assert f"| `{name}`" in PAGE
