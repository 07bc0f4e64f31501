"""How long polling waits: for the next poll of a resource, and for the next fetch of an object that
was put aside."""

from __future__ import annotations

from polling.due import OF_PUT_ASIDE, of_interval
from retention.recall import Wait

PAUSE = {"pause": max(OF_PUT_ASIDE.latest, of_interval(0).latest)}

WAITS = (
    Wait(
        "polls",
        "polling_pollingresource",
        late="""
            r.active AND COALESCE(r.lease_until, r.next_poll_at) > clock.latest
            AND (r.lease_until IS NOT NULL
                 OR r.next_poll_at > clock.latest
                    + CASE WHEN r.failures = 0 THEN r.interval * interval '1 second'
                           ELSE GREATEST(r.interval * interval '1 second', %(pause)s) END)
        """,
        mend="""
            next_poll_at = LEAST(r.next_poll_at, late.at), told_at = LEAST(r.told_at, late.at),
            lease_id = NULL, lease_until = NULL
        """,
        parameters=PAUSE,
    ),
    Wait(
        "objects put aside",
        "polling_putasideobject",
        late="r.next_try_at > clock.latest + %(pause)s",
        mend="next_try_at = late.at",
        parameters=PAUSE,
    ),
    Wait(
        "resources with objects put aside",
        "polling_pollingresource",
        late="r.put_aside_due_at > clock.latest + %(pause)s",
        mend="put_aside_due_at = late.at, next_poll_at = LEAST(r.next_poll_at, late.at)",
        parameters=PAUSE,
    ),
)
