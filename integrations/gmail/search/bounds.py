"""Times and sizes.

Gmail counts seconds: a time in between is rounded so that no message is left out. A day without
time is UTC's.
"""

from __future__ import annotations

import math
import re
from datetime import datetime

from ceql import Comparison, In, Like, Moment, Value, moment_of
from ceql import moment as read_moment
from integrations.gmail.search.leaf import Leaf, Writer, refuse, said

SIZE = re.compile(r"\d{1,12}", re.ASCII)


def date(leaf: Leaf) -> str:
    """A day without time is UTC's, and to equal it is to lie in it."""
    if isinstance(leaf, Like):
        refuse(f"{leaf.field} cannot be compared with LIKE: it is a time")
    if isinstance(leaf, In):
        times = [_moment(leaf.field, value) for value in leaf.values]
        outside = [f"{{{_before(at.start)} {_after(at.end)}}}" for at in times]
        inside = [f"({_after(at.start)} {_before(at.end)})" for at in times]
        return f"({' '.join(outside)})" if leaf.negated else f"{{{' '.join(inside)}}}"
    at = _moment(leaf.field, leaf.value)
    return {
        "=": f"({_after(at.start)} {_before(at.end)})",
        "!=": f"{{{_before(at.start)} {_after(at.end)}}}",
        "<": _before(at.start),
        "<=": _before(at.next),
        ">": _after(at.next),
        ">=": _after(at.start),
    }[leaf.operator]


def named_date(operator: str) -> Writer:
    """`after` and `before`, which Gmail's users write with `=`."""

    def write(leaf: Leaf) -> str:
        if isinstance(leaf, Comparison) and leaf.operator == "=":
            start = _moment(leaf.field, leaf.value).start
            return _after(start) if operator == "after" else _before(start)
        if isinstance(leaf, In) or (isinstance(leaf, Comparison) and leaf.operator == "!="):
            refuse(f"{leaf.field} can only be compared with =, <, >, <= and >=")
        return date(leaf)

    return write


def _moment(field: str, value: Value) -> Moment:
    at: Moment | None = None
    text = said(value).strip()
    if text.isascii() and text.isdecimal() and len(text) <= 15:
        at = moment_of(int(text))
    elif isinstance(value, str):
        at = read_moment(text)
    if at is None or at.start.year < 1970:
        refuse(
            f"{field} must be a date since 1970 such as '2026-01-31' or '2026-01-31T12:00:00Z', "
            "or seconds or milliseconds since 1970"
        )
    return at


def _after(time: datetime) -> str:
    """At the time or later."""
    return f"after:{math.floor(time.timestamp())}"


def _before(time: datetime) -> str:
    return f"before:{math.ceil(time.timestamp())}"


def size(leaf: Leaf) -> str:
    """Bytes. Gmail's larger and smaller leave out the size itself."""
    if not isinstance(leaf, Comparison):
        refuse(f"{leaf.field} can only be compared with =, !=, <, >, <= and >=")
    if not SIZE.fullmatch(said(leaf.value)) or int(leaf.value) < 1:
        refuse(f"{leaf.field} must be compared with a number of bytes, from 1")
    wanted = int(leaf.value)
    return {
        "=": f"(larger:{wanted - 1} smaller:{wanted + 1})",
        "!=": f"{{larger:{wanted} smaller:{wanted}}}",
        "<": f"smaller:{wanted}",
        "<=": f"smaller:{wanted + 1}",
        ">": f"larger:{wanted}",
        ">=": f"larger:{wanted - 1}",
    }[leaf.operator]


def counted_as(operator: str, form: re.Pattern[str], example: str) -> Writer:
    def write(leaf: Leaf) -> str:
        if not isinstance(leaf, Comparison) or leaf.operator != "=":
            refuse(f"{leaf.field} can only be compared with =")
        if not form.fullmatch(said(leaf.value)):
            refuse(f"{leaf.field} must be compared with a value such as '{example}'")
        return f"{operator}{leaf.value}"

    return write
