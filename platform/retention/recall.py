"""Bounds every wait by what its rule allows from now.

A clock that ran ahead, PostgreSQL's own or that of a host, may have written times far ahead into
rows: when they are due, when a lease ends, until when somebody is to be left alone.

Rule 1: a row that waits longer than its rule allows from now was written by a wrong clock. It is
due now.
Rule 2: now is PostgreSQL's clock. A host's says nothing here.
Rule 3: each room lists its waits in a module `waits`, with the longest times that its own rules
give. monitoring.recall goes through all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.db import connection

SLACK = timedelta(minutes=20)  # what is due comes a little late, and units are waited for

STATEMENT = """
WITH clock AS MATERIALIZED (
    SELECT clock_timestamp() AS at, clock_timestamp() + %(slack)s AS latest
), late AS MATERIALIZED (
    SELECT r.{key}, clock.at
      FROM clock CROSS JOIN {table} AS r
     WHERE {late}
       FOR UPDATE OF r SKIP LOCKED
)
UPDATE {table} AS r SET {mend} FROM late WHERE r.{key} = late.{key}
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wait:
    """What rows of one table wait for.

    `late` is an SQL condition on the row `r`: it waits for longer than its rule allows after
    `clock.latest`. `mend` are the assignments that end the wait at `late.at`. Nothing in
    them comes from outside.
    """

    name: str  # as the log has it
    table: str
    late: str
    mend: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    key: str = "id"

    @property
    def statement(self) -> str:
        return STATEMENT.format(
            key=self.key,
            late=self.late,
            table=self.table,
            mend=self.mend,
        )


def recall(waits: Iterable[Wait]) -> int:
    """End the waits that are too long. Returns the number of rows."""
    recalled = 0
    for wait in waits:
        parameters: dict[str, Any] = {"slack": SLACK, **wait.parameters}
        with connection.cursor() as cursor:
            cursor.execute(wait.statement, parameters)
            count: int = cursor.rowcount
        if count:
            log.warning("wait.recalled", of=wait.name, rows=count)
        recalled += count
    return recalled
