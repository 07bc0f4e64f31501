"""What a where-clause says.

There is no NOT: a negation is carried down to the comparisons when the clause is read (De Morgan,
which holds in SQL's three-valued logic, too). So a comparison with a null can simply be false.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

Operator = Literal["=", "!=", "<", ">", "<=", ">="]
Value: TypeAlias = str | int | Decimal | bool


class WhereError(Exception):
    """The where-clause cannot be used (400).

    `position` counts characters from 1; None where the fault has no one place.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} (at character {position})")
        self.position = position


@dataclass(frozen=True, slots=True)
class And:
    """All of at least two."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of at least two."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """The field is one of at least one value."""

    field: str
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Like:
    """The field has the form of `pattern`; see ceql.pattern."""

    field: str
    pattern: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    field: str
    negated: bool = False


Condition: TypeAlias = And | Or | Comparison | In | Like | IsNull


def fields_of(condition: Condition) -> Iterator[str]:
    """The field of each comparison, as it is written, from left to right."""
    if isinstance(condition, And | Or):
        for part in condition.conditions:
            yield from fields_of(part)
    else:
        yield condition.field
