"""Recalls deliveries that a clock that ran ahead has put off, as polling.recall does polls.

Rule 1: no retry is due later than the policy or a Retry-After allow after so many failures, and no
lease lasts longer than LEASE. What is, was written by a clock that was wrong, and is due now.
Rule 2: of the clock of who looks and PostgreSQL's the later one counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection

from events.outcome import LONGEST_RETRY_AFTER

SLACK = timedelta(minutes=20)  # hosts may be apart, and retries come a little late

# Along the index of what has not arrived; retry k is due 4**k seconds after the first failure.
RECALL = """
UPDATE events_delivery AS d
   SET next_attempt_at = LEAST(d.next_attempt_at, late.at),
       first_failed_at = LEAST(d.first_failed_at, late.at),
       lease_id = NULL,
       lease_until = NULL
  FROM (SELECT one.id, clock.at
          FROM events_delivery AS one,
               (SELECT GREATEST(%(now)s, clock_timestamp()) AS at) AS clock
         WHERE one.status IN ('created', 'retry')
           AND COALESCE(one.lease_until, one.next_attempt_at) > clock.at + %(slack)s
           AND (one.lease_until IS NOT NULL
                OR one.next_attempt_at > clock.at + %(slack)s
                   + CASE WHEN one.failures = 0 THEN interval '0'
                          ELSE GREATEST(power(4, one.failures) * interval '1 second',
                                        %(longest)s) END)
           FOR UPDATE OF one SKIP LOCKED) AS late
 WHERE d.id = late.id
"""

log = structlog.get_logger(__name__)


def recall(now: datetime) -> int:
    """How many deliveries were put off for too long, and are due now."""
    parameters: dict[str, Any] = {
        "now": now,
        "slack": SLACK,
        "longest": timedelta(seconds=LONGEST_RETRY_AFTER),
    }
    with connection.cursor() as cursor:
        cursor.execute(RECALL, parameters)
        recalled: int = cursor.rowcount
    if recalled:
        log.warning("deliveries recalled that a wrong clock had put off", deliveries=recalled)
    return recalled
