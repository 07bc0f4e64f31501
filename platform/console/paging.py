"""Pages of a list by the ids of its rows, newest first: each costs the same, however long it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from elements.row_id import row_id

ROWS = 50  # of a page

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`older` and `newer` are ids to ask the pages beside this one with; None where there is none.

    They go into the query as `below` and `above`.
    """

    rows: list[Row]
    older: int | None
    newer: int | None


def page_of(rows: QuerySet[Row], query: Mapping[str, str], size: int = ROWS) -> Page[Row]:
    """The page that the query asks for; what is no id in it is passed over."""
    above, below = number(query.get("above", "")), number(query.get("below", ""))
    if above is not None:
        found = list(rows.filter(pk__gt=above).order_by("pk")[: size + 1])
        shown = found[:size][::-1]
        newer = shown[0].pk if len(found) > size else None
        return Page(shown, shown[-1].pk if shown else None, newer)
    if below is not None:
        rows = rows.filter(pk__lt=below)
    found = list(rows.order_by("-pk")[: size + 1])
    shown = found[:size]
    older = shown[-1].pk if len(found) > size else None
    return Page(shown, older, shown[0].pk if shown and below is not None else None)


def number(text: str) -> int | None:
    """An id as an address has it; None for what is none."""
    return row_id(text.strip())
