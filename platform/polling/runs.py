"""The record of a poll that had something to tell."""

from __future__ import annotations

from datetime import datetime

from polling import reconciliation, untold
from polling.models import PollOutcome, PollRun
from polling.poll import Outcome, Succeeded
from polling.report import PollReport


def write(outcome: Outcome, report: PollReport, put_aside: int, now: datetime) -> PollRun:
    cursor = outcome.resource.cursor or ""
    ended = outcome.changes.reconciliation if isinstance(outcome, Succeeded) else None
    if ended is not None and not ended.finished:
        ended = None
    return PollRun.objects.create(
        resource_id=outcome.resource.id,
        started_at=outcome.started_at,
        finished_at=now,
        outcome=PollOutcome.FOUND if report.status == "idle" else PollOutcome(report.status),
        found=report.found,
        missing=report.missing,
        put_aside=put_aside,
        cursor_before=cursor,
        cursor_after=outcome.changes.cursor if isinstance(outcome, Succeeded) else cursor,
        gap_seconds=report.gap_seconds,
        units=outcome.cost.units,
        error=report.error,
        untold=untold.noted(outcome.changes) if isinstance(outcome, Succeeded) else [],
        receipt=None if ended is None else reconciliation.receipt(ended),
    )
