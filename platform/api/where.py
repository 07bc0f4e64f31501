"""Narrows the platform's own lists by a where-clause.

A list says which fields may be asked for and what they are in the database; nothing else of the
clause reaches it:

    DELIVERIES = {
        "status": choice("status", DeliveryStatus.values),
        "config.url": text("subscription__url"),
        "createdDate": date("event__created_at"),
    }
    narrowed(deliveries, request.query_params.get("where", ""), DELIVERIES)

Paths lead to one value a row: a column, one of a foreign key, or an annotation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from django.db.models import CharField, Lookup, Model, Q, QuerySet, TextField
from django.db.models.sql.compiler import SQLCompiler

from ceql import (
    And,
    Comparison,
    Condition,
    In,
    IsNull,
    Like,
    Moment,
    Operator,
    Or,
    Pattern,
    Value,
    WhereError,
    moment,
    moment_of,
    parse,
)

Row = TypeVar("Row", bound=Model)

NUMERIC = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
LOOKUPS = {"<": "lt", ">": "gt", "<=": "lte", ">=": "gte"}
NONE = Q(pk__in=[])


class Kind(Enum):
    TEXT = "a text in single quotes"
    NUMBER = "a number"
    FLAG = "true or false"
    DATE = (
        "a date such as '2026-01-31' or '2026-01-31T12:00:00Z', or seconds or milliseconds since "
        "1970"
    )
    CHOICE = "one of a few words"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a field of the clause is in the database. Made by text(), number(), and so on.

    `choices` leads from the words of the API to the stored values.
    """

    path: str
    kind: Kind
    choices: Mapping[str, Any] | None = None


def text(path: str) -> Asked:
    """All operators. Case counts, but not for LIKE. An empty text is as good as null."""
    return Asked(path, Kind.TEXT)


def number(path: str) -> Asked:
    """Whole numbers, of an integer column."""
    return Asked(path, Kind.NUMBER)


def flag(path: str) -> Asked:
    return Asked(path, Kind.FLAG)


def date(path: str) -> Asked:
    """A time with zone. To equal a day or a second is to lie in it; see ceql.Moment."""
    return Asked(path, Kind.DATE)


def choice(path: str, words: Iterable[str] | Mapping[str, Any]) -> Asked:
    """One of a few words, in any case. A mapping leads from them to what is stored."""
    choices = words if isinstance(words, Mapping) else {word: word for word in words}
    return Asked(path, Kind.CHOICE, choices)


def narrowed(rows: QuerySet[Row], where: str | None, fields: Mapping[str, Asked]) -> QuerySet[Row]:
    """The rows that fulfil the clause; all of them when it is blank.

    Field names are matched in any case. Raises WhereError, also for a field that isn't among
    `fields`, and for a value or an operator that the field doesn't have.
    """
    if where is None or not where.strip():
        return rows
    known = {name.lower(): asked for name, asked in fields.items()}
    return rows.filter(_filter(parse(where), fields, known))


def asks_for(where: str | None, field: str) -> bool:
    """Whether a clause speaks of a field, in whatever sense. Raises WhereError."""
    return bool(where and where.strip()) and _asks_for(parse(where or ""), field.lower())


def _asks_for(condition: Condition, field: str) -> bool:
    if isinstance(condition, And | Or):
        return any(_asks_for(part, field) for part in condition.conditions)
    return condition.field.lower() == field


def _filter(condition: Condition, fields: Mapping[str, Asked], known: Mapping[str, Asked]) -> Q:
    if isinstance(condition, And | Or):
        parts = [_filter(part, fields, known) for part in condition.conditions]
        return Q(*parts, _connector=Q.AND if isinstance(condition, And) else Q.OR)
    asked = known.get(condition.field.lower())
    if asked is None:
        raise WhereError(
            f"{_shown(condition.field)} is not known here; known are {', '.join(fields)}"
        )
    if isinstance(condition, IsNull):
        return _null(asked, negated=condition.negated)
    if isinstance(condition, Like):
        found = _like(asked, condition)
        negated = condition.negated
    elif isinstance(condition, In):
        found = _among(asked, condition)
        negated = condition.negated
    else:
        return _compared(asked, condition)
    return _unless(asked, found) if negated else found


def _compared(asked: Asked, condition: Comparison) -> Q:
    if condition.operator == "=":
        return _equal(asked, condition.field, condition.value)
    if condition.operator == "!=":
        return _unless(asked, _equal(asked, condition.field, condition.value))
    if asked.kind in (Kind.FLAG, Kind.CHOICE):
        raise WhereError(f"{condition.field} can only be compared with =, != and IN")
    value = _value(asked, condition.field, condition.value)
    if isinstance(value, Moment):
        return _time(asked, condition.operator, value)
    if isinstance(value, Decimal):
        value = math.floor(value) if condition.operator in (">", "<=") else math.ceil(value)
    return Q((f"{asked.path}__{LOOKUPS[condition.operator]}", value))


def _time(asked: Asked, operator: Operator, at: Moment) -> Q:
    ends = {
        "<": ("lt", at.start), ">=": ("gte", at.start),
        ">": ("gte", at.next), "<=": ("lt", at.next),
    }  # fmt: skip
    lookup, time = ends[operator]
    return Q((f"{asked.path}__{lookup}", time))


def _equal(asked: Asked, field: str, given: Value) -> Q:
    value = _value(asked, field, given)
    if isinstance(value, Moment):
        return Q((f"{asked.path}__gte", value.start), (f"{asked.path}__lt", value.end))
    return NONE if isinstance(value, Decimal) else Q((asked.path, value))


def _among(asked: Asked, condition: In) -> Q:
    if asked.kind is Kind.DATE:
        times = (_equal(asked, condition.field, value) for value in condition.values)
        return Q(*times, _connector=Q.OR)
    values = [_value(asked, condition.field, value) for value in condition.values]
    return Q((f"{asked.path}__in", [one for one in values if not isinstance(one, Decimal)]))


def _unless(asked: Asked, found: Q) -> Q:
    """Not so, and not null: of a null nothing is true."""
    return Q((f"{asked.path}__isnull", False)) & ~found


def _null(asked: Asked, *, negated: bool) -> Q:
    null = Q((f"{asked.path}__isnull", True))
    if asked.kind is Kind.TEXT:
        null |= Q((asked.path, ""))
    return ~null if negated else null


def _like(asked: Asked, condition: Like) -> Q:
    pattern = Pattern.of(condition.pattern)
    if asked.choices is not None:
        stored = [value for word, value in asked.choices.items() if pattern.matches(word)]
        return Q((f"{asked.path}__in", stored))
    if asked.kind is not Kind.TEXT:
        raise WhereError(f"{condition.field} cannot be compared with LIKE: it is no text")
    return Q((f"{asked.path}__has_form", pattern.sql()))


def _value(asked: Asked, field: str, given: Value) -> Any:
    """What to compare with: a Decimal only where it isn't whole."""
    if asked.choices is not None:
        return _chosen(asked.choices, field, given)
    value: Any = None
    if asked.kind is Kind.TEXT:
        value = str(given).lower() if isinstance(given, bool) else str(given)
    elif asked.kind is Kind.NUMBER:
        value = _number(given)
    elif asked.kind is Kind.FLAG:
        value = _flag(given)
    elif asked.kind is Kind.DATE:
        value = _moment(given)
    if value is None:
        raise WhereError(f"{field} must be compared with {asked.kind.value}")
    return value


def _chosen(choices: Mapping[str, Any], field: str, given: Value) -> Any:
    for word, stored in choices.items():
        if str(given).lower() == word.lower():
            return stored
    raise WhereError(f"{field} must be compared with one of {', '.join(choices)}")


def _number(given: Value) -> int | Decimal | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, str):
        if not NUMERIC.fullmatch(given):
            return None
        given = Decimal(given)
    return int(given) if given == int(given) else given


def _flag(given: Value) -> bool | None:
    return {"true": True, "false": False, "1": True, "0": False}.get(str(given).lower())


def _moment(given: Value) -> Moment | None:
    number = _number(given)
    if number is not None:
        return moment_of(number)
    return moment(given) if isinstance(given, str) else None


def _shown(field: str) -> str:
    return field if len(field) <= 50 else f"{field[:50]}…"


@CharField.register_lookup
@TextField.register_lookup
class HasForm(Lookup[bool]):
    """`ILIKE` with a pattern of the caller's, which the database gets as a parameter."""

    lookup_name = "has_form"

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return f"{left} ILIKE {right}", (*left_values, *right_values)
