"""Removes what is old: a few thousand rows in a transaction, so that nobody waits for all of it.

Who is killed in between has removed less, and the next turn goes on. Two at once share the rows.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from config.given_postgres.limits import maintenance

AT_ONCE = 2_000  # rows


@maintenance()
def remove(rows: QuerySet[Any]) -> int:
    """Removes all rows that the query finds, but for those that somebody holds; how many it were.

    It is asked again for each batch: an index should find them.
    """
    removed = 0
    while True:
        with transaction.atomic():
            free = rows.order_by().select_for_update(skip_locked=True)
            ids = list(free.values_list("pk", flat=True)[:AT_ONCE])
            rows.model._base_manager.filter(pk__in=ids).delete()
        removed += len(ids)
        if len(ids) < AT_ONCE:
            return removed
