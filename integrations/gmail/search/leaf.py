"""What the writers of single comparisons share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from ceql import Comparison, In, Like, Value
from elements.errors import ParameterError

Leaf = Comparison | In | Like
Writer = Callable[[Leaf], str]


def refuse(message: str) -> NoReturn:
    raise ParameterError("where", message)


def values(leaf: Leaf) -> tuple[Value, ...]:
    """What the field is compared with."""
    if isinstance(leaf, In):
        return leaf.values
    return (leaf.pattern if isinstance(leaf, Like) else leaf.value,)


def equal(leaf: Leaf, write: Callable[[Value], str]) -> str:
    """The words of =, != and IN."""
    if isinstance(leaf, In):
        return any_of([write(value) for value in leaf.values], negated=leaf.negated)
    if isinstance(leaf, Like) or leaf.operator not in ("=", "!="):
        refuse(f"{leaf.field} can only be compared with =, != and IN")
    return any_of([write(leaf.value)], negated=leaf.operator == "!=")


def any_of(found: list[str], *, negated: bool) -> str:
    if len(found) == 1:
        return without(found[0]) if negated else found[0]
    return f"({' '.join(map(without, found))})" if negated else f"{{{' '.join(found)}}}"


def without(word: str) -> str:
    return word.removeprefix("-") if word.startswith("-") else f"-{word}"


def said(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
