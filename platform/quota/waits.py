"""How long a provider's quota stays closed."""

from __future__ import annotations

from datetime import timedelta

from quota.bucket import LONGEST_CLOSED
from retention.recall import Wait

WAITS = (
    Wait(
        "quotas",
        "quota_quotabucket",
        key="subject",
        late="r.closed_until > clock.latest + %(closed)s",
        mend="closed_until = late.at",
        parameters={"closed": timedelta(seconds=LONGEST_CLOSED)},
    ),
)
