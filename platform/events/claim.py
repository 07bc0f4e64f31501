"""Takes due deliveries on lease: the SQL of claiming, in two steps.

`due_subscriptions` walks the partial index `delivery_due` from one subscription to the next
(a loose index scan), so that its cost follows the number of subscriptions with something pending
and not the number of deliveries. `claim` then takes from each as many as it is allowed.

Rule 1: a row is claimable when next_attempt_at has come, and lease_until where it has one, so that
the rows of a dead engine come back by themselves. No index has the lease: a claim writes none.
Rule 2: the time is a parameter. A clock that is wrong can cost a repeated attempt (under the same
webhook id), never a lost one.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection

LEASE = timedelta(seconds=60)
MOST_VISITS = 500  # subscriptions that one walk looks at
LARGEST_CLAIM = 64_000_000  # bytes of bodies
LARGEST_SHARE = 4_000_000  # bytes of bodies for one subscription


class Endpoint(NamedTuple):
    """A server of one organization's callbacks: what events.breaker opens and closes."""

    organization_id: int
    origin: str


# --- Which subscriptions have something due ------------------------------------------------------

DUE_SUBSCRIPTIONS = """
WITH RECURSIVE visited (subscription_id, number) AS (
    (SELECT subscription_id, 1
       FROM events_delivery
      WHERE status IN ('created', 'retry') AND subscription_id > %(after)s
      ORDER BY subscription_id
      LIMIT 1)
    UNION ALL
    SELECT (SELECT d.subscription_id
              FROM events_delivery d
             WHERE d.status IN ('created', 'retry') AND d.subscription_id > v.subscription_id
             ORDER BY d.subscription_id
             LIMIT 1),
           v.number + 1
      FROM visited v
     WHERE v.subscription_id IS NOT NULL AND v.number < %(visits)s
)
SELECT v.subscription_id,
       s.origin,
       s.failing_since IS NOT NULL,
       first.due IS NOT NULL,
       s.organization_id,
       e.id IS NOT NULL,
       e.open_until > %(now)s AND e.open_until <= %(now)s + interval '2 minutes',
       e.open_until IS NOT NULL
  FROM visited v
  JOIN events_subscription s ON s.id = v.subscription_id
  LEFT JOIN events_endpoint e
         ON e.organization_id = s.organization_id AND e.origin = s.origin
  LEFT JOIN LATERAL (
       SELECT TRUE AS due
         FROM events_delivery d
        WHERE d.subscription_id = v.subscription_id
          AND d.status IN ('created', 'retry')
          AND d.next_attempt_at <= %(now)s
          AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
        ORDER BY d.next_attempt_at
        LIMIT 1
       ) first ON TRUE
 ORDER BY v.number
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A subscription with a delivery that may be claimed now; half open: as a probe only."""

    subscription_id: int
    origin: str
    failing: bool
    organization_id: int = 0
    half_open: bool = False

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.organization_id, self.origin)


@dataclass(frozen=True, slots=True)
class Walk:
    """What one walk found, and where the next one goes on: 0 is from the start.

    `troubled` are endpoints that a breaker knows, `open` those that nothing is to be sent to.
    """

    due: list[Due]
    next_after: int
    troubled: frozenset[Endpoint] = frozenset()
    open: frozenset[Endpoint] = frozenset()


def due_subscriptions(now: datetime, after: int = 0, visits: int = MOST_VISITS) -> Walk:
    """The subscriptions with due deliveries among the next `visits` ones that come `after`."""
    with connection.cursor() as cursor:
        cursor.execute(DUE_SUBSCRIPTIONS, {"now": now, "after": after, "visits": visits})
        rows = cursor.fetchall()
    # A clock that went back must not hold one for longer than a breaker ever does: hence row[6].
    due = [Due(row[0], row[1], row[2], row[4], row[7]) for row in rows if row[3] and not row[6]]
    return Walk(
        due,
        rows[-1][0] if len(rows) >= visits else 0,
        frozenset(Endpoint(row[4], row[1]) for row in rows if row[5]),
        frozenset(Endpoint(row[4], row[1]) for row in rows if row[6]),
    )


# --- Taking deliveries ---------------------------------------------------------------------------

# `lazily` lets the claim return before it is on disk: should the database itself crash just then,
# the lease is forgotten and the delivery due again, as if the engine had died.
# `place` is a delivery's position in its subscription's line: everybody's first goes before
# anybody's second.
# The policy is that of the account of whoever owns the instance; what belongs to no instance goes
# by the default account. A few looks by key for each picked row.
CLAIM = """
WITH lazily AS MATERIALIZED (
    SELECT set_config('synchronous_commit', 'off', TRUE)
), allowed AS (
    SELECT * FROM unnest(%(subscriptions)s::bigint[], %(shares)s::int[]) AS a (id, share)
), candidate AS (
    SELECT due.id, due.event_id, a.id AS subscription_id,
           row_number() OVER (PARTITION BY a.id ORDER BY due.next_attempt_at, due.id) AS place
      FROM allowed a
     CROSS JOIN LATERAL (
           SELECT d.id, d.event_id, d.next_attempt_at
             FROM events_delivery d
            WHERE d.subscription_id = a.id
              AND d.status IN ('created', 'retry')
              AND d.next_attempt_at <= %(now)s
              AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
            ORDER BY d.next_attempt_at
            LIMIT a.share
              FOR UPDATE SKIP LOCKED
           ) due
), sized AS (
    SELECT c.id, c.place, e.body, e.created_at,
           sum(octet_length(e.body)) OVER everybody - octet_length(e.body) AS before,
           sum(octet_length(e.body)) OVER own - octet_length(e.body) AS own_before
      FROM candidate c
      JOIN events_event e ON e.id = c.event_id
    WINDOW everybody AS (ORDER BY c.place, c.id),
           own AS (PARTITION BY c.subscription_id ORDER BY c.place)
), picked AS (
    SELECT id, place, body, created_at
      FROM sized, lazily
     WHERE before < %(bytes)s AND own_before < %(own_bytes)s
     ORDER BY place, id
     LIMIT %(limit)s
)
UPDATE events_delivery d
   SET lease_id = %(lease_id)s, lease_until = %(lease_until)s
  FROM picked
  JOIN events_delivery own ON own.id = picked.id
  JOIN events_subscription s ON s.id = own.subscription_id
  LEFT JOIN instances_elementinstance i ON i.id = s.instance_id
  LEFT JOIN accounts_user u ON u.id = i.user_id
  LEFT JOIN accounts_account a ON a.id = u.account_id
 WHERE d.id = picked.id
RETURNING d.id, d.lease_id, d.webhook_id, d.subscription_id, s.url, s.origin, s.signature_key,
          s.active, s.failing_since IS NOT NULL,
          COALESCE(a.failure_policy,
                   (SELECT standard.failure_policy FROM accounts_account standard
                     WHERE standard.organization_id = s.organization_id AND standard.is_default),
                   'retry'),
          d.failures, d.first_failed_at, picked.place, picked.body, s.retired_keys, s.headers,
          s.organization_id, d.object_keys IS NOT NULL, d.next_attempt_at, picked.created_at
"""
# Of a server that is tried again, the delivery that has failed most often: its last retry, which
# turns the subscription off, must not wait behind all that came later.
PROBE = CLAIM.replace(
    "ORDER BY d.next_attempt_at",
    "ORDER BY d.failures DESC, d.next_attempt_at",
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One leased delivery with all that an attempt needs.

    `signature_key`, `retired_keys` and `headers` are still sealed.
    """

    id: int
    lease_id: uuid.UUID
    webhook_id: str
    subscription_id: int
    url: str
    origin: str
    signature_key: str
    active: bool
    failing: bool
    policy: str
    failures: int
    first_failed_at: datetime | None
    place: int
    body: str
    retired_keys: str | None = None
    headers: str | None = None
    organization_id: int = 0
    ordered: bool = False  # others may wait for it
    due_at: datetime | None = None
    recorded_at: datetime | None = None  # the event
    probe: bool = False  # the one attempt that a half open breaker allows

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.organization_id, self.origin)


def claim(now: datetime, shares: Mapping[int, int], limit: int) -> list[Claimed]:
    """Leases up to `limit` due deliveries, at most `shares[subscription id]` of each.

    The subscriptions take turns in the result. One statement, so it needs no transaction.
    """
    return _claim(CLAIM, now, shares, limit)


def claim_probes(now: datetime, subscriptions: Collection[int]) -> list[Claimed]:
    """Leases one due delivery of each subscription, to try its server with."""
    found = _claim(PROBE, now, dict.fromkeys(subscriptions, 1), len(subscriptions))
    return [replace(one, probe=True) for one in found]


def _claim(statement: str, now: datetime, shares: Mapping[int, int], limit: int) -> list[Claimed]:
    if not shares or limit <= 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "subscriptions": list(shares),
                "shares": list(shares.values()),
                "now": now,
                "limit": limit,
                "bytes": LARGEST_CLAIM,
                "own_bytes": LARGEST_SHARE,
                "lease_id": uuid.uuid4(),
                "lease_until": now + LEASE,
            },
        )
        claimed = [Claimed(*row) for row in cursor.fetchall()]
    return sorted(claimed, key=lambda delivery: delivery.place)
