"""The pages of declared elements name every call there is; docs/providers.md says what is tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elements import built_in
from tests.providers.conftest import POLLED
from tests.providers.customer import INTEGRATIONS

DOCS = Path(__file__).resolve().parents[2] / "docs"
DECLARED = sorted(file.parent.name for file in INTEGRATIONS.glob("*/element.json"))
MAX_LINES = 150


@pytest.mark.parametrize("key", DECLARED)
def test_every_call_is_documented_and_the_other_way_round(key: str) -> None:
    page = (DOCS / f"{key}.md").read_text("utf-8")
    written = re.findall(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/[^`]*)` \|", page, re.MULTILINE)
    element = built_in.elements()[key]
    there = {(one.method, one.path) for r in element.resources for one in r.operations}
    assert len(written) == len(set(written))
    assert set(written) == there
    for name in element.default_poller:
        assert f"| `{name}`" in page


@pytest.mark.parametrize("key", DECLARED)
def test_a_declaration_is_short(key: str) -> None:
    assert len((INTEGRATIONS / key / "element.json").read_text("utf-8").splitlines()) <= MAX_LINES


def test_the_table_of_providers_has_all_of_them_and_no_other() -> None:
    page = (DOCS / "providers.md").read_text("utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.md\) \| (\w+) \|", page, re.MULTILINE)
    assert [key for key, _, _ in rows] == [*built_in.elements()]
    assert all((DOCS / f"{name}.md").exists() for _, name, _ in rows)
    assert [key for key, _, form in rows if form == "JSON"] == DECLARED
    tried = re.findall(r"^\| \[`(\w+)`\].* \| JSON \| [^|]* \| ([^|]*) \|", page, re.MULTILINE)
    said = [(key, name) for key, names in tried for name in re.findall(r"`(\w+)`", names)]
    assert said == POLLED


def test_whatever_has_a_cursor_is_tried() -> None:
    with_cursor = {
        key
        for key, element in built_in.elements().items()
        if any(resource.change_cursor is not None for resource in element.resources)
    }
    assert with_cursor == {key for key, _ in POLLED}
