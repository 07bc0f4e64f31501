"""A JSON record as a row of a table: nested objects become columns with dots in their names.

A list is one cell with its JSON; so is what lies deeper than DEEPEST objects. What has no column,
because there are MOST_COLUMNS already or its name can be none, is in the column OTHERS.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from transport.errors import storable

DEEPEST = 8  # objects within objects
MOST_COLUMNS = 500
LONGEST_NAME = 300  # characters
OTHERS = "otherFields"
# What a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record's cells by the names of their columns."""
    return dict(_cells(record, "", 1))


def _cells(value: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        name = f"{before}{key}"
        if isinstance(below, Mapping) and below and depth < DEEPEST:
            yield from _cells(below, f"{name}.", depth + 1)
        else:
            yield name, below


def added(columns: Iterable[str], record: Mapping[str, Any]) -> dict[str, None]:
    """The columns, in their order, and those that the record adds to them."""
    known = dict.fromkeys(columns)
    for name in flat(record):
        if name in known:
            continue
        if len(known) >= MOST_COLUMNS or len(name) > LONGEST_NAME or storable(name) != name:
            known[OTHERS] = None
        else:
            known[name] = None
    return known


def row(columns: Iterable[str], record: Mapping[str, Any]) -> list[str]:
    """The cells in the order of the columns."""
    cells = flat(record)
    names = list(columns)
    others = {name: cells[name] for name in cells.keys() - {*names}} if OTHERS in names else {}
    if others:
        cells[OTHERS] = {**others, **({OTHERS: cells[OTHERS]} if OTHERS in cells else {})}
    return [cell(cells.get(name)) for name in names]


def cell(value: Any) -> str:
    """The value as text; null is empty. A text that a spreadsheet would calculate gets a '."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
