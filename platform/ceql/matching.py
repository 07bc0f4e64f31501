"""Whether a JSON record fulfils a condition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeAlias

from ceql.condition import And, Comparison, Condition, In, IsNull, Like, Operator, Or, Value
from ceql.moment import Moment, moment, moment_of
from ceql.pattern import Pattern

NUMERIC = re.compile(r"-?\d{1,30}(\.\d{1,30})?", re.ASCII)
_pattern = lru_cache(maxsize=64)(Pattern.of)

Number: TypeAlias = int | float | Decimal


def matches(condition: Condition, record: Mapping[str, Any]) -> bool:
    """A field is looked up by its whole name, then along its dots (`config.url`).

    - Of a missing field or a null nothing is true but IS NULL.
    - A list fulfils a condition when one of its entries does; !=, NOT IN and NOT LIKE when none
      of its entries fulfils the opposite.
    - Numbers and texts of digits compare as numbers; ISO dates as times, also with numbers since
      1970 (ceql.moment.moment_of); a day equals each time in it. Everything else compares as text:
      case counts for all but LIKE.
    - Values of different kinds are unequal, and neither is the greater.
    """
    if isinstance(condition, And):
        return all(matches(part, record) for part in condition.conditions)
    if isinstance(condition, Or):
        return any(matches(part, record) for part in condition.conditions)
    found = _found(record, condition.field)
    if isinstance(condition, IsNull):
        return (found is None) is not condition.negated
    return found is not None and _fulfils(condition, found)


def _found(record: Any, name: str) -> Any:
    """The value at the name; None where there is none. Keys may hold dots themselves."""
    if isinstance(record, list):
        inner = [value for entry in record if (value := _found(entry, name)) is not None]
        return inner or None
    if not isinstance(record, Mapping):
        return None
    if name in record:
        return record[name]
    head, dot, rest = name.partition(".")
    while dot:
        if head in record:
            return _found(record[head], rest)
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def _fulfils(condition: Comparison | In | Like, found: Any) -> bool:
    entries = found if isinstance(found, list) else [found]
    if isinstance(condition, Like):
        pattern = _pattern(condition.pattern)
        texts = [text for entry in entries if (text := _text(entry)) is not None]
        return any(map(pattern.matches, texts)) is not condition.negated
    if isinstance(condition, In):
        equal = any(_holds(entry, "=", value) for entry in entries for value in condition.values)
        return equal is not condition.negated
    if condition.operator == "!=":
        return not any(_holds(entry, "=", condition.value) for entry in entries)
    return any(_holds(entry, condition.operator, condition.value) for entry in entries)


def _text(value: Any) -> str | None:
    """What LIKE looks at; None of an object or a list."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float | Decimal) else None


def _holds(left: Any, operator: Operator, right: Value) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return operator == "=" and _flag(left) is not None and _flag(left) is _flag(right)
    number, wanted = _number(left), _number(right)
    if number is not None and wanted is not None:
        return _compared(number, operator, wanted)
    time, at = _moment(left), _moment(right)
    if time is not None and at is not None:
        return _in_time(time, operator, at)
    if isinstance(left, str) and isinstance(right, str):
        return _compared(left, operator, right)
    return False


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return {0: False, 1: True}.get(value) if isinstance(value, int) else None


def _number(value: Any) -> Number | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, str) and NUMERIC.fullmatch(value):
        return Decimal(value) if "." in value else int(value)
    return None


def _moment(value: Any) -> Moment | None:
    number = _number(value)
    if number is not None:
        return moment_of(number)
    return moment(value) if isinstance(value, str) else None


def _in_time(left: Moment, operator: Operator, right: Moment) -> bool:
    time = left.start
    outcomes: dict[Operator, bool] = {
        "=": right.start <= time < right.end,
        "!=": not right.start <= time < right.end,
        "<": time < right.start,
        ">=": time >= right.start,
        ">": time >= right.next,
        "<=": time < right.next,
    }
    return outcomes[operator]


def _compared(left: Any, operator: Operator, right: Any) -> bool:
    outcomes: dict[Operator, bool] = {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
    }
    return outcomes[operator]
