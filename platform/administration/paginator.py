"""Pages of a table of a million rows: without counting it, and without reading what is skipped."""

from __future__ import annotations

import json
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import cached_property

COUNTED = 5_000  # so many are counted; above it PostgreSQL's estimate will do


class EstimatingPaginator(Paginator[Any]):
    """Counts few rows and estimates many; reads the ids of a page before its rows.

    `estimated` says that `count` is one that only statistics know of.
    """

    estimated = False

    @cached_property
    def count(self) -> int:
        rows = self._rows().order_by()
        least = rows.values("pk")[: COUNTED + 1].count()
        if least <= COUNTED:
            return least
        self.estimated = True
        return max(least, _estimate(rows))

    def page(self, number: int | str) -> Page[Any]:
        """As Django's. A row is read when it is known to be on the page: else a page far behind
        would read all before it, and what is joined to them."""
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        rows = self._rows()
        ids = list(rows.values_list("pk", flat=True)[first : first + self.per_page])
        return Page(rows.filter(pk__in=ids) if ids else rows.none(), number, self)

    def _rows(self) -> QuerySet[Any]:
        assert isinstance(self.object_list, QuerySet)  # noqa: S101 - lists of the admin are
        return self.object_list


def _estimate(rows: QuerySet[Any]) -> int:
    """How many PostgreSQL takes them for, from its statistics."""
    query, parameters = rows.values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {query}", parameters)
        (plan,) = cursor.fetchone()
    found = json.loads(plan) if isinstance(plan, str) else plan
    return int(found[0]["Plan"]["Plan Rows"])
