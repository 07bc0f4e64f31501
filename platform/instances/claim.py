"""Takes credentials whose renewal is due: a leased table (worker.leased_table).

Its rows keep no lease: what is renewed is decided under a lock on the row (instances.credential).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from worker.leased_table import LeasedTable

LEASE = timedelta(seconds=60)  # a worker that died holds nothing longer
RENEWALS = LeasedTable(
    "instances_credential",
    LEASE,
    due="r.refresh_due_at",
    condition="r.state = 'ok'",
    claimed="refresh_due_at = %(lease_until)s",
    organization="i.organization_id",
    joined="JOIN instances_elementinstance AS i ON i.id = r.instance_id",
)


def claim_due(most: int, now: datetime) -> list[int]:
    """The ids of at most `most` due credentials, which are due again when the lease is over."""
    return RENEWALS.claim(most, now).ids
