"""How long a bulk job waits for its next step."""

from __future__ import annotations

from bulk.commit import BACKOFF
from retention.recall import Wait

WAITS = (
    Wait(
        "bulk jobs",
        "bulk_bulkjob",
        late="""
            r.status IN ('CREATED', 'RUNNING')
            AND COALESCE(r.lease_until, r.next_run_at) > clock.latest
            AND (r.lease_until IS NOT NULL OR r.next_run_at > clock.latest + %(pause)s)
        """,
        mend="""
            next_run_at = LEAST(r.next_run_at, late.at),
            failing_since = LEAST(r.failing_since, late.at),
            lease_id = NULL, lease_until = NULL
        """,
        parameters={"pause": BACKOFF.latest},
    ),
)
