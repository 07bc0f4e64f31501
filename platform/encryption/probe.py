"""Whether stored secrets open with the keys at hand: quickly, of a few, or of all.

A ring that lacks a key is said at the start, in /health/work and in /metrics. For that the oldest
and the newest value of each column are opened: a wrong ring opens neither, and one that a key was
taken from too early does not open the oldest.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In

from encryption.fields import SparseEncryptedTextField, context_of
from encryption.keys import UnsealError, key_id_of, key_ring, unseal
from encryption.rotation import Column, encrypted_columns

BATCH = 500  # rows read at once
ENDS = """
(SELECT {pk}, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {pk} LIMIT 1)
UNION ALL
(SELECT {pk}, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY {pk} DESC LIMIT 1)
"""
NEXT = """
SELECT {pk}, {column} FROM {table} WHERE {column} IS NOT NULL AND {pk} > %s
 ORDER BY {pk} LIMIT %s
"""

log = structlog.get_logger(__name__)


def unopened_columns() -> dict[str, str]:
    """Return the columns, as table.column, of which a value does not open, each with the id of
    the key that sealed it. A column that few rows fill is not asked: it would be looked for long.
    """
    found: dict[str, str] = {}
    for column in encrypted_columns(but=SparseEncryptedTextField):
        with connection.cursor() as cursor:
            cursor.execute(column.composed(ENDS))
            rows = cursor.fetchall()
        for pk, sealed in rows:
            if not _opens(column, pk, sealed):
                found[f"{column.table}.{column.name}"] = key_id_of(sealed)
    return found


def lacks_key(name: str) -> Q:
    """Return a condition on rows: their encrypted column `name` names a key that the ring lacks.

    The database cannot tell of a value that was changed, which does not open either.
    """
    ring = key_ring()
    text = TextField()
    key = Func(F(name), Value("."), Value(2), function="split_part", output_field=text)
    named = Coalesce(key, Value(ring.newest), output_field=text)  # the newest where it is NULL
    return ~Q(In(named, list(ring.ciphers)))


def sentence(columns: dict[str, str]) -> str:
    """What to say of unopened_columns(); empty where all is well."""
    if not columns:
        return ""
    keys = ", ".join(sorted(set(columns.values())))
    return (
        f"stored secrets cannot be opened, in {', '.join(sorted(columns))}: put the keys {keys} "
        "back into PERIODIC_ENCRYPTION_KEYS, or see what is lost with manage.py lost_secrets"
    )


def say() -> None:
    """Log at the start of a process what does not open. Says nothing where nobody can know."""
    try:
        said = sentence(unopened_columns())
    except (DatabaseError, InterfaceError):
        return  # which is said elsewhere
    if said:
        log.error(said)


def every_unopened(column: Column) -> Iterator[tuple[int, str]]:
    """Yield primary key and key id of each value of the column that does not open."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(column.composed(NEXT), [last, BATCH])
            rows = cursor.fetchall()
        for pk, sealed in rows:
            if not _opens(column, pk, sealed):
                yield pk, key_id_of(sealed)
        if len(rows) < BATCH:
            return
        last = rows[-1][0]


def _opens(column: Column, pk: int, sealed: str) -> bool:
    try:
        unseal(sealed, context_of(column.table, pk, column.name))
    except UnsealError:
        return False
    return True
