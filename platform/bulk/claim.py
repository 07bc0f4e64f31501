"""Who works on which job: a leased table (worker.leased_table)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from bulk.models import BulkJob
from worker.leased_table import LeasedTable

LEASE = timedelta(seconds=60)
JOBS = LeasedTable(
    "bulk_bulkjob",
    LEASE,
    due="COALESCE(r.lease_until, r.next_run_at)",
    condition="r.status IN ('CREATED', 'RUNNING')",
    claimed="""lease_id = %(lease_id)s, lease_until = %(lease_until)s,
       status = 'RUNNING', started_at = COALESCE(r.started_at, %(now)s)""",
)


def claim_due(
    most: int, now: datetime, *, left_out: Collection[int] = (), largest_share: int = 1_000
) -> list[BulkJob]:
    """Claims at most `most` due jobs, a fair share of each organization that has some.

    No organization's share is larger than `largest_share`; those in `left_out` are passed over.
    """
    claim = JOBS.claim(most, now, left_out=left_out, largest_share=largest_share)
    return claim.read(BulkJob.objects.all())
