"""A JSON record as a row of a table: nested objects become columns with dots in their names.

A list is one cell with its JSON; so is what lies deeper than DEEPEST objects. What has no column,
because there are MOST_COLUMNS already or its name can be none, is in the column OTHERS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from transport.errors import storable

DEEPEST = 8  # objects within objects
MOST_COLUMNS = 500
LONGEST_NAME = 300  # characters
OTHERS = "otherFields"
# What a spreadsheet takes for a formula, at the start of a cell, or where it starts one itself: it
# may split at semicolons, tabs and line breaks, quoted or not.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(
    '\\A(?=[-=+@\uff1d\uff0b\uff0d\uff20\\t\\r\\n])|([;\\t\\r\\n]"?)(?=[-=+@\uff1d\uff0b\uff0d\uff20])'
)


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record's cells by the names of their columns."""
    return dict(_cells(record, "", 1))


def _cells(value: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        name = f"{before}{key}"
        # What is below a name that is too long has no column: its names are not even written.
        if isinstance(below, Mapping) and below and depth < DEEPEST and len(name) <= LONGEST_NAME:
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
    """The value as text; null is empty. A ' goes before what a spreadsheet would calculate."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return FORMULA.sub(r"\1'", value)
    if isinstance(value, int | float):
        return str(value)
    return FORMULA.sub(r"\1'", json.dumps(value, ensure_ascii=False, separators=(",", ":")))
