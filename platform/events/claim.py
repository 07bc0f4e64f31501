"""Takes due deliveries on lease: the SQL of claiming, in two steps.

`DueSubscriptions` is what an engine remembers of who has something due, and since when; what falls
due earlier it is told (worker.wakeups). Scans begin there, and so behind what was claimed and
settled, which stays in the index for as long as somebody's transaction might still see it.

`due_subscriptions` finds what nobody told of, in a small share of the time. It walks the partial
index `delivery_due` from one subscription to the next (a loose index scan), so that its cost
follows the number of subscriptions with something pending and not the number of deliveries.
`claim` then takes from each as many as it is allowed.

Rule 1: a row is claimable when next_attempt_at has come, and lease_until where it has one, so that
the rows of a dead engine come back by themselves. No index has the lease: a claim writes none.
Rule 2: the time is a parameter. A clock that is wrong can cost a repeated attempt (under the same
webhook id), never a lost one.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db import connection

from worker import wakeups
from worker.expected import Expected

LEASE = timedelta(seconds=60)
MOST_VISITS = 500  # subscriptions that one look or walk visits
WALK_SHARE = 20  # a walk's time is at most one part in so many
FORGOTTEN_AFTER = 30.0  # seconds without a look; wake-ups are kept for longer
EVER = datetime.min.replace(tzinfo=UTC)
LARGEST_CLAIM = 64_000_000  # bytes of bodies
LARGEST_SHARE = 4_000_000  # bytes of bodies for one subscription


class Endpoint(NamedTuple):
    """A server of one organization's callbacks: what events.breaker opens and closes."""

    organization_id: int
    origin: str


# --- Which subscriptions have something due ------------------------------------------------------

VISITED = """
SELECT v.subscription_id,
       s.origin,
       s.failing_since IS NOT NULL,
       first.due_at,
       s.organization_id,
       e.id IS NOT NULL,
       COALESCE(e.open_until > %(now)s AND e.open_until <= %(now)s + interval '2 minutes', FALSE),
       e.open_until IS NOT NULL
  FROM visited v
  JOIN events_subscription s ON s.id = v.subscription_id
  LEFT JOIN events_endpoint e
         ON e.organization_id = s.organization_id AND e.origin = s.origin
  LEFT JOIN LATERAL (
       SELECT d.next_attempt_at AS due_at
         FROM events_delivery d
        WHERE d.subscription_id = v.subscription_id
          AND d.status IN ('created', 'retry')
          AND d.next_attempt_at >= v.since
          AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
        ORDER BY d.next_attempt_at
        LIMIT 1
       ) first ON TRUE
 ORDER BY v.number
"""
DUE_AMONG = f"""
WITH visited AS (
    SELECT *
      FROM unnest(%(subscriptions)s::bigint[], %(since)s::timestamptz[])
           WITH ORDINALITY AS v (subscription_id, since, number)
)
{VISITED}
"""  # noqa: S608 - of constants
DUE_SUBSCRIPTIONS = f"""
WITH RECURSIVE walked (subscription_id, number) AS (
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
      FROM walked v
     WHERE v.subscription_id IS NOT NULL AND v.number < %(visits)s
), visited AS (
    SELECT subscription_id, '-infinity'::timestamptz AS since, number FROM walked
)
{VISITED}
"""  # noqa: S608 - of constants

# A clock that went back must not hold a server for longer than a breaker ever does.
OPEN = """
SELECT e.organization_id, e.origin
  FROM events_endpoint e
  JOIN unnest(%(organizations)s::bigint[], %(origins)s::text[]) AS known (organization_id, origin)
    ON e.organization_id = known.organization_id AND e.origin = known.origin
 WHERE e.open_until > %(now)s AND e.open_until <= %(now)s + interval '2 minutes'
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A subscription with a delivery that may be claimed now; half open: as a probe only."""

    subscription_id: int
    origin: str
    failing: bool
    organization_id: int = 0
    half_open: bool = False
    since: datetime = EVER  # nothing of it that is due before is left

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.organization_id, self.origin)


@dataclass(frozen=True, slots=True)
class Walk:
    """What one walk or look found, and where the next one goes on: 0 is from the start.

    `troubled` are endpoints that a breaker knows, `open` those that nothing is to be sent to.
    """

    due: list[Due]
    next_after: int
    troubled: frozenset[Endpoint] = frozenset()
    open: frozenset[Endpoint] = frozenset()


class Visit(NamedTuple):
    """One subscription, as it was found."""

    subscription_id: int
    origin: str
    failing: bool
    due_at: datetime | None  # its earliest delivery that nobody holds
    organization_id: int
    troubled: bool
    open: bool
    half_open: bool

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.organization_id, self.origin)


def due_subscriptions(now: datetime, after: int = 0, visits: int = MOST_VISITS) -> Walk:
    """The subscriptions with due deliveries among the next `visits` ones that come `after`."""
    found = _visit(DUE_SUBSCRIPTIONS, now, after=after, visits=visits)
    return _walk(found, now, next_after=_next_after(found, visits))


def _visit(statement: str, now: datetime, **parameters: Any) -> list[Visit]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": now, **parameters})
        return [Visit._make(row) for row in cursor.fetchall()]


def _next_after(found: list[Visit], visits: int) -> int:
    return found[-1].subscription_id if len(found) >= visits else 0


def _walk(found: Collection[Visit], now: datetime, next_after: int) -> Walk:
    due = [
        Due(
            one.subscription_id,
            one.origin,
            one.failing,
            one.organization_id,
            one.half_open,
            one.due_at,
        )
        for one in found
        if one.due_at is not None and one.due_at <= now and not one.open
    ]
    return Walk(
        due,
        next_after,
        frozenset(one.endpoint for one in found if one.troubled),
        frozenset(one.endpoint for one in found if one.open),
    )


class DueSubscriptions:
    """Which subscriptions have something due, at a cost that follows how many have.

    The first looks walk over all that have something pending. Each further one visits those that
    had something due, or of which it falls due, as their last visit or a wake-up showed; but those
    whose server a breaker holds open, until it does no more. The walk goes on all the time, in its
    share of it: what nobody told of, such as a delivery whose holder died, is found in a round.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as in the beginning."""
        self._wakeups = wakeups.WakeUps(wakeups.DELIVERIES)
        self._expected = Expected()
        self._left_alone: dict[Endpoint, dict[int, datetime]] = {}  # since when they have something
        self._after = 0
        self._walked = False  # a whole round
        self._round_began = EVER  # of looks
        self._walk_at = self._looked_at = time.monotonic()

    def look(self, now: datetime) -> Walk:
        """Visit those that may have something due. Where `next_after` is set, more have."""
        try:
            return self._look(now)
        except Exception:
            self.forget()  # it may be another database
            raise

    def _look(self, now: datetime) -> Walk:
        if time.monotonic() - self._looked_at > FORGOTTEN_AFTER:
            self.forget()
        for subscription_id, at in self._wakeups.read().items():
            self._expected.add(subscription_id, since=at)
        self._take_up(now)
        found = {one.subscription_id: one for one in self._walk_on(now)}
        expected = self._expected.take(MOST_VISITS, now)
        since = {key: at for key, at in expected.items() if key not in found}
        if since:
            visits = _visit(DUE_AMONG, now, subscriptions=list(since), since=list(since.values()))
            found |= {one.subscription_id: one for one in visits}
        for one in found.values():
            self._remember(one, now)
        self._looked_at = time.monotonic()
        goes_on = not self._walked or self._expected.any_before(self._round_began)
        if not goes_on:
            self._round_began = now
        walk = _walk(found.values(), now, next_after=int(goes_on))
        return replace(walk, open=frozenset(self._left_alone))

    def _take_up(self, now: datetime) -> None:
        """Expect those again whose server may be tried."""
        if not self._left_alone:
            return
        with connection.cursor() as cursor:
            organizations, origins = zip(*self._left_alone, strict=True)
            cursor.execute(
                OPEN,
                {"organizations": list(organizations), "origins": list(origins), "now": now},
            )
            still = {Endpoint(*row) for row in cursor.fetchall()}
        for endpoint in self._left_alone.keys() - still:
            for subscription_id, since in self._left_alone.pop(endpoint).items():
                self._expected.add(subscription_id, since=since)

    def _walk_on(self, now: datetime) -> list[Visit]:
        began = time.monotonic()
        if self._walked and began < self._walk_at:
            return []
        found = _visit(DUE_SUBSCRIPTIONS, now, after=self._after, visits=MOST_VISITS)
        self._after = _next_after(found, MOST_VISITS)
        self._walked = self._walked or not self._after
        ended = time.monotonic()
        self._walk_at = ended + WALK_SHARE * (ended - began)
        return found

    def _remember(self, one: Visit, now: datetime) -> None:
        """What is due stays expected, behind those that are visited before it comes up again."""
        self._expected.drop(one.subscription_id)
        if one.due_at is None:
            return
        if one.open and one.due_at <= now:
            self._left_alone.setdefault(one.endpoint, {})[one.subscription_id] = one.due_at
        else:
            look_at = max(one.due_at, now)
            self._expected.add(one.subscription_id, since=one.due_at, look_at=look_at)


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
    SELECT *
      FROM unnest(%(subscriptions)s::bigint[], %(shares)s::int[], %(since)s::timestamptz[])
           AS a (id, share, since)
), candidate AS (
    SELECT due.id, due.event_id, a.id AS subscription_id,
           row_number() OVER (PARTITION BY a.id ORDER BY due.next_attempt_at, due.id) AS place
      FROM allowed a
     CROSS JOIN LATERAL (
           SELECT d.id, d.event_id, d.next_attempt_at
             FROM events_delivery d
            WHERE d.subscription_id = a.id
              AND d.status IN ('created', 'retry')
              AND d.next_attempt_at >= a.since
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


def claim(
    now: datetime,
    shares: Mapping[int, int],
    limit: int,
    since: Mapping[int, datetime] = MappingProxyType({}),
) -> list[Claimed]:
    """Leases up to `limit` due deliveries, at most `shares[subscription id]` of each.

    What was due before `since[subscription id]` is left out. The subscriptions take turns in the
    result. One statement, so it needs no transaction.
    """
    return _claim(CLAIM, now, shares, limit, since)


def claim_probes(now: datetime, subscriptions: Collection[int]) -> list[Claimed]:
    """Leases one due delivery of each subscription, to try its server with."""
    found = _claim(PROBE, now, dict.fromkeys(subscriptions, 1), len(subscriptions), {})
    return [replace(one, probe=True) for one in found]


def _claim(
    statement: str,
    now: datetime,
    shares: Mapping[int, int],
    limit: int,
    since: Mapping[int, datetime],
) -> list[Claimed]:
    if not shares or limit <= 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "subscriptions": list(shares),
                "shares": list(shares.values()),
                "since": [since.get(one, EVER) for one in shares],
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
