"""The records of polls that had something to tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from polling import reconciliation, untold
from polling.models import PollOutcome
from polling.poll import Failed, Succeeded
from polling.report import PollReport
from polling.rows import recordset

WRITE = """
INSERT INTO polling_pollrun
    (resource_id, started_at, finished_at, outcome, found, missing, put_aside, cursor_before,
     cursor_after, gap_seconds, units, error, untold, receipt)
SELECT resource_id, started_at, %s, outcome, found, missing, put_aside, cursor_before,
       cursor_after, gap_seconds, units, error, untold, receipt
FROM json_to_recordset(%s) AS run(
    resource_id bigint, started_at timestamptz, outcome text, found int, missing int,
    put_aside int, cursor_before text, cursor_after text, gap_seconds int, units int, error text,
    untold jsonb, receipt jsonb)
ORDER BY resource_id
RETURNING resource_id, id
"""


class Run(NamedTuple):
    """One row of WRITE."""

    resource_id: int
    started_at: datetime
    outcome: str
    found: int
    missing: int
    put_aside: int
    cursor_before: str
    cursor_after: str
    gap_seconds: int | None
    units: int
    error: str
    untold: list[dict[str, str]]
    receipt: dict[str, Any] | None


def of_success(done: Succeeded, report: PollReport, put_aside: int) -> Run:
    """`put_aside` counts the objects that this poll has put aside."""
    ended = done.changes.reconciliation
    return Run(
        resource_id=done.resource.id,
        started_at=done.started_at,
        outcome=PollOutcome.FOUND if report.status == "idle" else PollOutcome(report.status),
        found=report.found,
        missing=report.missing,
        put_aside=put_aside,
        cursor_before=done.resource.cursor or "",
        cursor_after=done.changes.cursor,
        gap_seconds=report.gap_seconds,
        units=done.cost.units,
        error="",
        untold=untold.noted(done.changes),
        receipt=None if ended is None or not ended.finished else reconciliation.receipt(ended),
    )


def of_failure(failed: Failed) -> Run:
    cursor = failed.resource.cursor or ""
    return Run(
        resource_id=failed.resource.id,
        started_at=failed.started_at,
        outcome=PollOutcome.FAILED,
        found=0,
        missing=0,
        put_aside=0,
        cursor_before=cursor,
        cursor_after=cursor,
        gap_seconds=None,
        units=failed.cost.units,
        error=failed.error,
        untold=[],
        receipt=None,
    )


def write(runs: Sequence[Run], now: datetime) -> dict[int, int]:
    """Writes one run of each resource; returns {resource: id of its run}."""
    if not runs:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [now, recordset(runs)])
        return dict(cursor.fetchall())
