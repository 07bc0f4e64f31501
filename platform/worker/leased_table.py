"""Rows that are worked on under a lease: a table declares itself, and is claimed and given back.

Rule 1: the time comes in as a parameter, never from the database's clock.
Rule 2: a row is claimed by whoever locks it first; others skip it and don't wait. Nor does who
renews a lease or gives it back: it runs out.
Rule 3: a lease is known by its id. Whoever stores under another id has lost the row.
Rule 4: the organizations take turns, so that one with much to do holds up its own.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)

CLAIM = """
WITH due AS MATERIALIZED (
    SELECT r.id, {due} AS due_at,
           row_number() OVER (PARTITION BY {organization} ORDER BY {due}) AS place
      FROM {table} AS r {joined}
     WHERE {condition} AND {due} <= %(now)s AND {organization} <> ALL(%(left_out)s::bigint[])
), picked AS MATERIALIZED (
    SELECT r.id, due.place, due.due_at
      FROM due
      JOIN {table} AS r ON r.id = due.id
     WHERE {condition} AND {due} <= %(now)s AND due.place <= %(largest_share)s
     ORDER BY due.place, due.due_at
     LIMIT %(most)s
       FOR NO KEY UPDATE OF r SKIP LOCKED
), claimed AS (
    UPDATE {table} AS r SET {claimed}
     WHERE r.id = ANY(ARRAY(SELECT id FROM picked))
    RETURNING r.id
)
SELECT picked.id
  FROM picked
  JOIN claimed ON claimed.id = picked.id
 ORDER BY picked.place, picked.due_at
"""
OURS = """
UPDATE {table} AS r SET {columns}
  FROM (SELECT r.id
          FROM unnest(%(ids)s::bigint[], %(lease_ids)s::uuid[]) AS held (id, lease_id)
          JOIN {table} AS r ON r.id = held.id AND r.lease_id = held.lease_id
         ORDER BY r.id
           FOR NO KEY UPDATE OF r SKIP LOCKED) AS ours
 WHERE r.id = ours.id
"""


class Held(Protocol):
    """A row as it was claimed."""

    @property
    def id(self) -> int: ...
    @property
    def lease_id(self) -> uuid.UUID | None: ...


class Claim(NamedTuple):
    """The rows that were claimed, in the order in which they are to be worked on."""

    lease_id: uuid.UUID
    ids: list[int]

    def read(self, rows: QuerySet[M]) -> list[M]:
        """Return those that are still held, as `rows` reads them."""
        ours = rows.filter(lease_id=self.lease_id).in_bulk(self.ids)
        return [ours[id_] for id_ in self.ids if id_ in ours]


@dataclass(frozen=True, slots=True)
class LeasedTable:
    """What is the table's own, in SQL on its row `r`; nothing in it comes from outside.

    `due` is the time at which a row may be claimed, due or left by a holder that died; `condition`
    holds of all that may be. `claimed` are the assignments of a claim.
    """

    table: str
    lease: timedelta
    due: str
    condition: str = "TRUE"
    claimed: str = "lease_id = %(lease_id)s, lease_until = %(lease_until)s"
    organization: str = "r.organization_id"
    joined: str = ""

    def claim(
        self,
        most: int,
        now: datetime,
        *,
        left_out: Collection[int] = (),
        largest_share: int = 1_000_000,
    ) -> Claim:
        """Claim at most `most` due rows; those of the organizations come in turn.

        None of the organizations in `left_out`, and of no other more than `largest_share`.
        """
        lease_id = uuid.uuid4()
        parameters: dict[str, Any] = {
            "most": most,
            "now": now,
            "lease_id": lease_id,
            "lease_until": now + self.lease,
            "left_out": list(left_out),
            "largest_share": largest_share,
        }
        with connection.cursor() as cursor:
            cursor.execute(self._filled(CLAIM), parameters)
            return Claim(lease_id, [id_ for (id_,) in cursor.fetchall()])

    def renew(self, rows: Sequence[Held], now: datetime) -> int:
        """Lengthen the leases that are still held. Returns their number."""
        return self._on_ours("lease_until = %(lease_until)s", rows, now + self.lease)

    def release(self, rows: Sequence[Held]) -> int:
        """Give rows back as they are, for others to claim at once. Returns their number."""
        return self._on_ours("lease_id = NULL, lease_until = NULL", rows)

    def _on_ours(
        self, columns: str, rows: Sequence[Held], lease_until: datetime | None = None
    ) -> int:
        parameters: dict[str, Any] = {
            "ids": [row.id for row in rows],
            "lease_ids": [row.lease_id for row in rows],
            "lease_until": lease_until,
        }
        with connection.cursor() as cursor:
            cursor.execute(self._filled(OURS, columns=columns), parameters)
            return int(cursor.rowcount)

    def _filled(self, statement: str, **more: str) -> str:
        return statement.format(**asdict(self), **more)
