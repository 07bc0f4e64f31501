"""How long a watch waits for its renewal, or for another try."""

from __future__ import annotations

from datetime import timedelta

from retention.recall import Wait
from watching.claim import LEASE
from watching.keep import BACKOFF

LONGEST_RENEWAL = timedelta(days=90)  # of a watch of which the provider does not say when it ends

WAITS = (
    Wait(
        "watches",
        "watching_instancewatch",
        # A start is due at once, a renewal before the watch ends.
        late="""
            r.due_at IS NOT NULL AND COALESCE(r.lease_until, r.due_at) > clock.latest
            AND CASE WHEN r.lease_until IS NOT NULL THEN r.lease_until > clock.latest + %(lease)s
                     WHEN r.failures > 0 OR r.error <> ''
                     THEN r.due_at > clock.latest + %(pause)s
                     WHEN r.started_at IS NULL OR r.started_at > clock.latest THEN TRUE
                     ELSE r.due_at > COALESCE(r.expires_at, r.started_at + %(renewal)s) END
        """,
        mend="""
            due_at = LEAST(r.due_at, late.at), started_at = LEAST(r.started_at, late.at),
            lease_id = NULL, lease_until = NULL
        """,
        parameters={
            "lease": LEASE,
            "pause": BACKOFF.latest,
            "renewal": LONGEST_RENEWAL,
        },
    ),
)
