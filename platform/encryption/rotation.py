"""Seals every encrypted column anew under the newest key, beside running readers and writers.

Rule 1: a value is replaced only where the row still holds the sealed text that was read; whoever
wrote in between has the last word.
Rule 2: what cannot be unsealed stays as it is and is reported; it never stops the others.
A run that was killed is simply run again: what is done is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models
from psycopg import sql

from encryption.fields import EncryptedTextField, context_of
from encryption.keys import VERSION, UnsealError, key_ring, seal, unseal

BATCH = 500  # rows read at once
TRIES = 5  # for a value that writers keep changing


@dataclass(slots=True)
class Outcome:
    """What a rotation did. `failures` says where a value could not be opened, and why."""

    sealed: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Column:
    """One encrypted column of one table."""

    table: str
    primary_key: str
    name: str

    def composed(self, template: str) -> sql.Composed:
        return sql.SQL(template).format(
            table=sql.Identifier(self.table),
            pk=sql.Identifier(self.primary_key),
            column=sql.Identifier(self.name),
        )


ROWS_UNDER_OTHER_KEYS = """
SELECT {pk}, {column} FROM {table}
WHERE {column} IS NOT NULL AND NOT starts_with({column}, %s) AND ({pk} > %s OR %s)
ORDER BY {pk} LIMIT %s
"""
REPLACE = "UPDATE {table} SET {column} = %s WHERE {pk} = %s AND {column} = %s"
CURRENT = "SELECT {column} FROM {table} WHERE {pk} = %s"


def encrypted_columns(but: type[EncryptedTextField] | None = None) -> list[Column]:
    """Every EncryptedTextField of every model, in the order of tables, `but` those of a kind."""
    return sorted(
        (
            Column(model._meta.db_table, _column(model._meta.pk), _column(each))
            for model in apps.get_models()
            if not model._meta.proxy
            for each in model._meta.local_concrete_fields
            if isinstance(each, EncryptedTextField) and not (but and isinstance(each, but))
        ),
        key=lambda column: (column.table, column.name),
    )


def rotate(column: Column, outcome: Outcome) -> None:
    """Seals the column's values anew, adding what happened to `outcome`."""
    for pk, sealed in _rows_under_other_keys(column):
        try:
            if _resealed(column, pk, sealed):
                outcome.sealed += 1
        except UnsealError as error:
            outcome.failures.append(str(error))


def _rows_under_other_keys(column: Column) -> Iterator[tuple[Any, str]]:
    newest = f"{VERSION}.{key_ring().newest}."
    last: Any = 0
    first_batch = True
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                column.composed(ROWS_UNDER_OTHER_KEYS), [newest, last, first_batch, BATCH]
            )
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < BATCH:
            return
        last, first_batch = rows[-1][0], False


def _resealed(column: Column, pk: Any, sealed: str) -> bool:
    """False when there was nothing left to do: the row is gone, or a writer did it."""
    context = context_of(column.table, pk, column.name)
    newest = f"{VERSION}.{key_ring().newest}."
    for _ in range(TRIES):
        replacement = seal(unseal(sealed, context), context)
        with connection.cursor() as cursor:
            cursor.execute(column.composed(REPLACE), [replacement, pk, sealed])
            if cursor.rowcount == 1:
                return True
            cursor.execute(column.composed(CURRENT), [pk])
            row = cursor.fetchone()
        if row is None or row[0] is None or row[0].startswith(newest):
            return False
        sealed = row[0]
    raise UnsealError(f"what is stored at {context} changes too often: run the rotation again")


def _column(each: models.Field[Any, Any] | None) -> str:
    return str(each.column) if each is not None else ""
