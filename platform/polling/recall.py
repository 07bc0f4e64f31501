"""Recalls what a clock that ran ahead has put off: a host that boots in another year, say, finds
everything due, and puts it off to that year.

Rule 1: no row is due later than its interval or the longest pause allow, and no lease lasts longer
than LEASE. What is, was written by a clock that was wrong, and is due now.
Rule 2: who looks may be wrong as well. Of its clock and PostgreSQL's the later one counts: a clock
that is behind recalls nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction

from polling.due import LONGEST_PAUSE, LONGEST_RETRY_AFTER

SLACK = timedelta(minutes=20)  # hosts may be apart, and units are waited for a quarter of an hour

# Ranges of the index by which rows are claimed, an organization each: most rows are due sooner.
LATE = """
SELECT late.id, late.at
  FROM (SELECT GREATEST(%(now)s, clock_timestamp()) AS at) AS clock
 CROSS JOIN accounts_organization AS o
 CROSS JOIN LATERAL (
       SELECT r.id, clock.at
         FROM polling_pollingresource AS r
        WHERE r.active AND r.organization_id = o.id
          AND COALESCE(r.lease_until, r.next_poll_at) > clock.at + %(slack)s
          AND (r.lease_until IS NOT NULL
               OR r.next_poll_at > clock.at + %(slack)s
                  + CASE WHEN r.failures = 0 THEN r.interval * interval '1 second'
                         ELSE GREATEST(r.interval * interval '1 second', %(pause)s) END)
          FOR UPDATE OF r SKIP LOCKED) AS late
"""
RECALL = f"""
UPDATE polling_pollingresource AS r
   SET next_poll_at = LEAST(r.next_poll_at, late.at), lease_id = NULL, lease_until = NULL
  FROM ({LATE}) AS late
 WHERE r.id = late.id
"""  # noqa: S608 - no outside text
RECALL_PUT_ASIDE = """
WITH clock AS (SELECT GREATEST(%(now)s, clock_timestamp()) AS at),
     late AS (
       SELECT r.id, clock.at
         FROM polling_pollingresource AS r, clock
        WHERE r.put_aside_due_at > clock.at + %(slack)s + %(pause)s
          FOR UPDATE OF r SKIP LOCKED),
     objects AS (
       UPDATE polling_putasideobject AS one SET next_try_at = LEAST(one.next_try_at, late.at)
         FROM late WHERE one.resource_id = late.id)
UPDATE polling_pollingresource AS r
   SET put_aside_due_at = late.at, next_poll_at = LEAST(r.next_poll_at, late.at)
  FROM late WHERE r.id = late.id
"""

log = structlog.get_logger(__name__)


def recall(now: datetime) -> int:
    """How many resources were put off for too long, and are due now."""
    parameters: dict[str, Any] = {
        "now": now,
        "slack": SLACK,
        "pause": max(LONGEST_PAUSE, LONGEST_RETRY_AFTER),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RECALL, parameters)
        recalled: int = cursor.rowcount
        cursor.execute(RECALL_PUT_ASIDE, parameters)
        recalled += cursor.rowcount
    if recalled:
        log.warning("polls recalled that a wrong clock had put off", resources=recalled)
    return recalled
