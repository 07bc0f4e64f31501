"""How long an account waits for a new access token, and a request for one that came before it."""

from __future__ import annotations

from instances import cleanup
from instances.credential import BACKOFF
from instances.idempotency import HELD_FOR
from retention.recall import Wait

WAITS = (
    Wait(
        "renewals of tokens",
        "instances_credential",
        # A token is renewed before it expires. A claim leaves nothing but a later time.
        late="""
            r.state = 'ok' AND r.refresh_due_at > clock.latest
            AND (r.refreshed_at > clock.latest
                 OR r.refresh_due_at > GREATEST(r.expires_at, clock.latest + %(pause)s))
        """,
        mend="refresh_due_at = late.at, refreshed_at = LEAST(r.refreshed_at, late.at)",
        parameters={"pause": BACKOFF.latest},
    ),
    Wait(
        "idempotency keys",
        "instances_idempotencykey",
        late="r.created_at > clock.latest OR r.held_until > clock.latest + %(held)s",
        mend="""
            created_at = LEAST(r.created_at, late.at), held_until = LEAST(r.held_until, late.at)
        """,
        parameters={"held": HELD_FOR},
    ),
    Wait(
        "cleanups",
        "instances_cleanup",
        late="r.due_at > clock.latest + %(pause)s",
        mend="due_at = late.at",
        parameters={"pause": max(cleanup.LEASE, cleanup.BACKOFF.latest)},
    ),
)
