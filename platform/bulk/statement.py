"""Reads `q`: which resource, which of its records, in which order. It never becomes SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

import ceql
from api.errors import BadRequest

LONGEST = 20_000  # characters
FORM = "select * from <resource> [where <conditions>] [order by <field> [asc|desc]]"
HEAD = re.compile(r"select\s*\*\s*from\s+(`[^`]*`|[^\s`'\"(),;]+)", re.IGNORECASE)
COLUMNS = re.compile(r"select\s+(?!\*\s*from\b)", re.IGNORECASE)
WHERE = re.compile(r"where\b", re.IGNORECASE)
ORDER = re.compile(r"\border\s*by\b", re.IGNORECASE)
ORDERED = re.compile(r"(`[^`]+`|[\w.-]+)(?:\s+(asc|desc))?", re.IGNORECASE)
QUOTED = re.compile(r"'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|`(?:[^`]|``)*+`")


@dataclass(frozen=True, slots=True)
class Statement:
    """`where` is the clause without the word; empty when there is none, as is `order_field`."""

    resource: str
    where: str = ""
    order_field: str = ""
    descending: bool = False

    @property
    def condition(self) -> ceql.Condition | None:
        """Raises ceql.WhereError."""
        return ceql.parse(self.where) if self.where else None


def parse(text: str) -> Statement:
    """Raises BadRequest and ceql.WhereError, which say what is wrong and what would be right."""
    text = text.strip().removesuffix(";").rstrip()
    head = HEAD.match(text)
    if head is None:
        if COLUMNS.match(text):
            raise BadRequest(f"q: all fields or none: only select * is allowed: {FORM}")
        raise BadRequest(f"q must be {FORM}")
    resource = head[1].strip("`").strip().lstrip("/")
    rest = text[head.end() :]
    if rest and not rest[0].isspace():
        raise BadRequest(f'q: "{rest[:20]}" is not expected after the resource: q must be {FORM}')
    rest = rest.strip()
    where, order = _parted(rest)
    field, descending = _order(order)
    statement = Statement(resource, where, field, descending)
    ceql.parse(where) if where else None
    return statement


def _parted(rest: str) -> tuple[str, str]:
    """The where-clause and the order, each without its words."""
    blank = QUOTED.sub(lambda quoted: "x" * len(quoted[0]), rest)
    order = None
    for order in ORDER.finditer(blank):  # noqa: B007 - the last one
        pass
    clause, ordered = rest, ""
    if order is not None:
        clause, ordered = rest[: order.start()].strip(), rest[order.end() :].strip()
        if not ordered:
            raise BadRequest(f"q: order by has no field: q must be {FORM}")
    if not clause:
        return "", ordered
    opening = WHERE.match(clause)
    if opening is None:
        raise BadRequest(f'q: "{clause[:20]}" is not expected here: q must be {FORM}')
    where = clause[opening.end() :].strip()
    if not where:
        raise BadRequest(f"q: where has no conditions: q must be {FORM}")
    return where, ordered


def _order(text: str) -> tuple[str, bool]:
    if not text:
        return "", False
    found = ORDERED.fullmatch(text)
    if found is None:
        raise BadRequest("q: order by takes one field, and asc or desc after it")
    return found[1].strip("`"), (found[2] or "").lower() == "desc"
