"""Gmail's own words (`q`), which must not reach beyond their brackets."""

from __future__ import annotations

import re

from ceql import Comparison
from elements.errors import ParameterError
from integrations.gmail.search.leaf import Leaf, any_of, refuse, said

QUOTED = re.compile(r'"[^"]*"')
BRACKETS = {")": "(", "}": "{"}


def raw(leaf: Leaf) -> str:
    """Gmail's own words, in brackets that they cannot leave."""
    if not isinstance(leaf, Comparison) or leaf.operator not in ("=", "!="):
        refuse(f"{leaf.field} can only be compared with = and !=")
    own = said(leaf.value).strip()
    if not own:
        refuse(f"{leaf.field} is empty")
    check_brackets(leaf.field, own)
    return any_of([f"({own})"], negated=leaf.operator == "!=")


def check_brackets(name: str, q: str) -> None:
    """Raises ParameterError for words of Gmail's that would not end where they do."""
    rest = QUOTED.sub("", q)
    opened: list[str] = []
    for character in rest:
        if character in "({":
            opened.append(character)
        elif character in BRACKETS and (not opened or opened.pop() != BRACKETS[character]):
            raise ParameterError(name, f"has a {character} that closes nothing")
    if opened or '"' in rest:
        raise ParameterError(name, "has a bracket or a quote that is never closed")
