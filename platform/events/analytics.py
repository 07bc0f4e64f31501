"""Counts events by time, instance and account: one statement each, read from an index alone.

The index `event_of_organization_by_time` has all that is counted. What has failed, or has not
arrived yet, is found the other way round, from the few deliveries that have not arrived, and from
events of topics that say so themselves (events.status).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db import connection

from api.errors import BadRequest
from api.timestamp import timestamp
from events.period import Bucket

MOST_RECORDS = 50_000  # of a grouped answer

_OF_CALLER = """
           e.organization_id = %(organization)s AND e.instance_id IS NOT NULL
       AND (%(instance)s::bigint IS NULL OR e.instance_id = %(instance)s)
"""
_OF_ACCOUNTS = """
       (%(accounts)s::bigint[] IS NULL OR instance_id IN (
        SELECT i.id
          FROM instances_elementinstance i
          JOIN accounts_user u ON u.id = i.user_id
         WHERE i.organization_id = %(organization)s AND u.account_id = ANY(%(accounts)s)))
"""
_BUCKETS = """
    unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
    WITH ORDINALITY AS bucket (starts, ends, place)
"""
COUNT = f"""
SELECT bucket.place,
       (SELECT count(*)
          FROM events_event e
         WHERE {_OF_CALLER} AND e.created_at >= bucket.starts AND e.created_at < bucket.ends
           AND {_OF_ACCOUNTS})
  FROM {_BUCKETS}
 ORDER BY bucket.place
"""  # noqa: S608 - made of constants
_COUNT_INSTANCES = f"""
WITH under_way AS MATERIALIZED (
    SELECT e.instance_id, e.created_at, e.status = 'DISPATCHED' AS waits,
           bool_or(d.status IN ('retry', 'queued', 'failed')) AS fails
      FROM events_delivery d
      JOIN events_event e ON e.id = d.event_id
     WHERE d.organization_id = %(organization)s
       AND d.status IN ('created', 'retry', 'queued', 'waiting', 'failed')
       AND d.created_at >= %(since)s AND d.created_at < %(until)s
       AND {_OF_CALLER}
     GROUP BY e.id
    UNION ALL
    SELECT e.instance_id, e.created_at, TRUE, FALSE
      FROM events_event e
     WHERE e.status = 'DISPATCHED' AND e.topic <> '' AND {_OF_CALLER}
       AND NOT EXISTS (SELECT FROM events_delivery d
                        WHERE d.event_id = e.id AND d.status <> 'delivered')
), unsuccessful AS (
    SELECT bucket.place, u.instance_id, count(*) FILTER (WHERE u.waits) AS waiting,
           count(*) FILTER (WHERE u.fails) AS failed
      FROM {_BUCKETS}
      JOIN under_way u ON u.created_at >= bucket.starts AND u.created_at < bucket.ends
     GROUP BY bucket.place, u.instance_id
), found AS (
    SELECT place, instance_id, counted.count, counted.sent - COALESCE(waiting, 0) AS success,
           COALESCE(failed, 0) AS failed
      FROM {_BUCKETS}
     CROSS JOIN LATERAL (
           SELECT e.instance_id, count(*) AS count,
                  count(*) FILTER (WHERE e.status <> 'NEW') AS sent
             FROM events_event e
            WHERE {_OF_CALLER} AND e.created_at >= bucket.starts AND e.created_at < bucket.ends
            GROUP BY e.instance_id
           ) counted
      LEFT JOIN unsuccessful USING (place, instance_id)
     WHERE {_OF_ACCOUNTS}
)
"""  # noqa: S608 - made of constants
COUNT_BY_INSTANCE = f"""
{_COUNT_INSTANCES}
SELECT place, instance_id, count, success, failed
  FROM found
 ORDER BY place, instance_id
 LIMIT %(most)s
"""  # noqa: S608 - made of constants
COUNT_BY_ACCOUNT = f"""
{_COUNT_INSTANCES}
SELECT place, u.account_id, sum(count)::bigint, sum(success)::bigint, sum(failed)::bigint
  FROM found
  JOIN instances_elementinstance i ON i.id = instance_id
  JOIN accounts_user u ON u.id = i.user_id
 GROUP BY place, u.account_id
 ORDER BY place, u.account_id
 LIMIT %(most)s
"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Counted:
    """Whose events are counted: of one instance, or of accounts, where these are not None."""

    organization_id: int
    instance_id: int | None = None
    account_ids: Sequence[int] | None = None


def count(counted: Counted, buckets: Sequence[Bucket]) -> list[dict[str, Any]]:
    """`{"timestamp", "count"}` of each bucket."""
    return [
        {"timestamp": timestamp(bucket.start), "count": number}
        for bucket, (_, number) in zip(buckets, _rows(COUNT, counted, buckets), strict=True)
    ]


def count_by_instance(counted: Counted, buckets: Sequence[Bucket]) -> list[dict[str, Any]]:
    """Each bucket with its records, one an instance. Raises BadRequest above MOST_RECORDS."""
    return _grouped("instanceId", COUNT_BY_INSTANCE, counted, buckets)


def count_by_account(counted: Counted, buckets: Sequence[Bucket]) -> list[dict[str, Any]]:
    """Each bucket with its records, one an account. Raises BadRequest above MOST_RECORDS."""
    return _grouped("accountId", COUNT_BY_ACCOUNT, counted, buckets)


def _grouped(
    key: str, statement: str, counted: Counted, buckets: Sequence[Bucket]
) -> list[dict[str, Any]]:
    rows = _rows(statement, counted, buckets)
    if len(rows) > MOST_RECORDS:
        raise BadRequest(
            f"the answer has more than {MOST_RECORDS} records: take a longer interval, "
            "a shorter time or fewer accountIds[]"
        )
    of_place = {place: list(found) for place, found in groupby(rows, key=lambda row: row[0])}
    answer = []
    for place, bucket in enumerate(buckets, 1):
        records = [
            {key: one, "count": number, "success": success, "failed": failed}
            for _, one, number, success, failed in of_place.get(place, [])
        ]
        total = sum(record["count"] for record in records)
        answer.append(
            {
                "timestamp": timestamp(bucket.start),
                "total": total,
                "count": total,
                "records": records,
            }
        )
    return answer


def _rows(statement: str, counted: Counted, buckets: Sequence[Bucket]) -> list[tuple[Any, ...]]:
    accounts = counted.account_ids
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "organization": counted.organization_id,
                "instance": counted.instance_id,
                "accounts": None if accounts is None else list(accounts),
                "starts": [bucket.start for bucket in buckets],
                "ends": [bucket.end for bucket in buckets],
                "since": buckets[0].start,
                "until": buckets[-1].end,
                "most": MOST_RECORDS + 1,
            },
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
