"""Values as they are where the key that sealed them has been lost."""

from __future__ import annotations

from django.db import connection
from django.db.models import Model


def under_another_key(row: Model, column: str) -> None:
    """Let the stored value name a key that no ring has."""
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {column} = 'v1.0badbad0.' || split_part({column}, '.', 3)"  # noqa: S608
            " WHERE id = %s",
            [row.pk],
        )
