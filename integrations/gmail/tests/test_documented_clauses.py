"""What docs/where.md says of where-clauses and Gmail is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ceql import parse
from elements.calls import Call
from elements.errors import ParameterError
from integrations.gmail.query import search
from integrations.gmail.search.words import FIELDS, KNOWN

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "where.md").read_text()


def rows(heading: str, until: str = "\n\n") -> list[list[str]]:
    """The cells of the table below that heading."""
    _, _, below = PAGE.partition(f"{heading}\n|---|---|")
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in below.partition(until)[0].splitlines()
        if line.startswith("| ")
    ]


def clauses() -> list[str]:
    cells = [cell for _, cell in rows("| form | examples |")]
    found = [code for cell in cells for code in re.findall(r"`([^`]{6,})`", cell)]
    return [code for code in found if re.search("[=<>]| LIKE | IN | IS ", code)]


@pytest.mark.parametrize("clause", clauses())
def test_an_example_of_the_language_is_read(clause: str) -> None:
    parse(clause)


@pytest.mark.parametrize(("clause", "q"), rows("| clause | Gmail's words |"))
def test_a_documented_clause_becomes_these_words(clause: str, q: str) -> None:
    assert search(Call(query={"where": clause.strip("`")})) == {"q": q.strip("`")}


@pytest.mark.parametrize(("clause", "message"), rows("| clause | refused |"))
def test_a_documented_refusal_says_this(clause: str, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        search(Call(query={"where": clause.strip("`")}))
    assert caught.value.message == message


def test_every_field_is_documented() -> None:
    _, _, below = PAGE.partition("| field | operators | value |")
    table = below.partition("\n\n")[0]
    named = {
        name.lower()
        for line in table.splitlines()
        for name in re.findall(r"`(\w+)`", line.partition(" | ")[0])
    }
    assert named == set(FIELDS)
    assert {name.lower() for name in KNOWN.split(", ")} <= named
