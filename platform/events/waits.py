"""How long deliveries wait: for their next attempt, and for a server that does not answer."""

from __future__ import annotations

from events.breaker import BACKOFF
from events.claim import LEASE
from events.outcome import RETRIES, longest_wait
from retention.recall import Wait

WAITS = (
    Wait(
        "deliveries",
        "events_delivery",
        late="""
            r.status IN ('created', 'retry')
            AND COALESCE(r.lease_until, r.next_attempt_at) > clock.latest
            AND (r.lease_until IS NOT NULL
                 OR r.next_attempt_at > clock.latest
                    + (%(waits)s::interval[])[LEAST(r.failures, %(retries)s) + 1])
        """,
        mend="""
            next_attempt_at = LEAST(r.next_attempt_at, late.at),
            first_failed_at = LEAST(r.first_failed_at, late.at),
            lease_id = NULL, lease_until = NULL
        """,
        parameters={
            "waits": [longest_wait(failures) for failures in range(RETRIES + 1)],
            "retries": RETRIES,
        },
    ),
    Wait(
        "servers of callbacks",
        "events_endpoint",
        late="r.open_until > clock.latest + %(pause)s",
        mend="open_until = late.at",
        parameters={"pause": max(BACKOFF.latest, LEASE)},
    ),
)
