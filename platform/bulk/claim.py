"""Who works on which job: leases on rows, as in polling.

Rule 1: the time comes in as a parameter, never from the database's clock.
Rule 2: a row is claimed by whoever locks it first; others skip it and don't wait.
Rule 3: a lease is known by its id. Whoever commits under another id has lost the job.

A job's claimable time is COALESCE(lease_until, next_run_at): the index `bulk_job_claimable` finds
it, whether it fell due or its holder died.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction

from bulk.models import UNFINISHED, BulkJob

LEASE = timedelta(seconds=60)

# From one organization with unfinished jobs to the next: the others cost nothing.
DUE_ORGANIZATIONS = """
WITH RECURSIVE busy (id) AS (
    (SELECT organization_id FROM bulk_bulkjob
      WHERE status IN ('CREATED', 'RUNNING') ORDER BY organization_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.organization_id FROM bulk_bulkjob AS j
             WHERE j.status IN ('CREATED', 'RUNNING') AND j.organization_id > busy.id
             ORDER BY j.organization_id LIMIT 1)
      FROM busy WHERE busy.id IS NOT NULL
)
SELECT busy.id
FROM busy
CROSS JOIN LATERAL (
    SELECT COALESCE(j.lease_until, j.next_run_at) AS claimable_at
    FROM bulk_bulkjob AS j
    WHERE j.status IN ('CREATED', 'RUNNING') AND j.organization_id = busy.id
      AND COALESCE(j.lease_until, j.next_run_at) <= %(now)s
    ORDER BY COALESCE(j.lease_until, j.next_run_at)
    LIMIT 1
) AS earliest
WHERE busy.id <> ALL(%(left_out)s::bigint[])
ORDER BY earliest.claimable_at
LIMIT %(most)s
"""
CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT j.id
    FROM unnest(%(organizations)s::bigint[]) WITH ORDINALITY AS o(id, place)
    CROSS JOIN LATERAL (
        SELECT j.id
        FROM bulk_bulkjob AS j
        WHERE j.status IN ('CREATED', 'RUNNING') AND j.organization_id = o.id
          AND COALESCE(j.lease_until, j.next_run_at) <= %(now)s
        ORDER BY COALESCE(j.lease_until, j.next_run_at)
        LIMIT %(share)s
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS j
    LIMIT %(most)s
)
UPDATE bulk_bulkjob AS j
   SET lease_id = %(lease_id)s, lease_until = %(lease_until)s,
       status = 'RUNNING', started_at = COALESCE(j.started_at, %(now)s)
 WHERE j.id = ANY(ARRAY(SELECT id FROM picked))
"""


def claim_due(
    most: int, now: datetime, *, left_out: Collection[int] = (), largest_share: int = 1_000
) -> list[BulkJob]:
    """Claims at most `most` due jobs, a fair share of each organization that has some.

    No organization's share is larger than `largest_share`; those in `left_out` are passed over.
    """
    lease_id = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(DUE_ORGANIZATIONS, {"now": now, "most": most, "left_out": list(left_out)})
        organizations = [id_ for (id_,) in cursor.fetchall()]
        if not organizations:
            return []
        cursor.execute(
            CLAIM,
            {
                "organizations": organizations,
                "share": min(-(-most // len(organizations)), largest_share),
                "most": most,
                "now": now,
                "lease_id": lease_id,
                "lease_until": now + LEASE,
            },
        )
    return list(BulkJob.objects.filter(lease_id=lease_id).order_by("pk"))


def renew(jobs: Sequence[BulkJob], now: datetime) -> None:
    """Lengthens the leases that are still held and not locked by who changes the job."""
    _on_ours(jobs, lease_until=now + LEASE)


def release(jobs: Sequence[BulkJob]) -> None:
    """Gives jobs back as they are: others take them up at once."""
    _on_ours(jobs, lease_id=None, lease_until=None)


def _on_ours(jobs: Sequence[BulkJob], **columns: object) -> None:
    for lease_id in {job.lease_id for job in jobs if job.lease_id is not None}:
        ids = [job.pk for job in jobs if job.lease_id == lease_id]
        with transaction.atomic():
            ours = (
                BulkJob.objects.select_for_update(skip_locked=True, no_key=True)
                .filter(pk__in=ids, lease_id=lease_id, status__in=UNFINISHED)
                .order_by("pk")
                .values_list("pk", flat=True)
            )
            BulkJob.objects.filter(pk__in=list(ours)).update(**columns)
