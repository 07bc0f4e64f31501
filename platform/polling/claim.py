"""Who polls which resource: leases on rows.

Rule 1: the time comes in as a parameter, never from the database's clock.
Rule 2: a row is claimed by whoever locks it first; others skip it and don't wait.
Rule 3: a lease is known by its id. Whoever commits under another id has lost the row.
Rule 4: what works for everybody waits for nobody's lock. A lease that is not renewed or released
for a locked row runs out, and the row is polled again.

A row is claimable when next_poll_at has come, and lease_until where it has one, whether it fell due
or its holder died. The partial index `polling_resource_due` (organization, next_poll_at) finds it;
no index has the lease, so that a claim writes none. The rows that engines hold are passed over, and
they are few. The cost depends on how many rows are claimed, not on how many rows or organizations
exist: an engine remembers when each organization's next row falls due (DueOrganizations), and is
told of what falls due earlier (worker.wakeups). Scans of the index begin at the earliest row that
is due or held: before it lie the dead entries of rows that were polled, which stay for as long as
somebody's transaction might still see them.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from polling.models import PollingResource
from worker import wakeups
from worker.expected import Expected

LEASE = timedelta(seconds=60)
VISITS = 500  # organizations in turn, at each look
TURN_SHARE = 20  # the time of looks that visit some in turn is at most one part in so many
FORGOTTEN_AFTER = 30.0  # seconds without a look; wake-ups are kept for longer
FORESEEN = timedelta(hours=1)  # far more than a round of turns takes
NO_ROW = 0  # the id of a row that is not stored


class ClaimedResource(NamedTuple):
    """One claimed row and all that a poll of it needs; JSON and the token as they are stored."""

    id: int
    organization_id: int
    instance_id: int
    name: str
    entry: str  # JSON: its entry of event.poller.configuration
    interval: int  # seconds
    due: datetime
    lease_id: uuid.UUID
    cursor: str | None
    last_success_at: datetime | None
    behind_since: datetime | None
    watched_since: datetime | None
    failures: int
    put_aside_due_at: datetime | None
    note: str
    left_out: str
    reconciliation: str | None  # JSON
    element_key: str
    configuration: str  # JSON: the instance's, without its secrets
    credential_id: int | None
    access_token: str | None  # sealed
    application: str = ""  # digests: whose quota a poll is paid with
    account: str | None = None


class PollRunningError(Exception):
    """Somebody else is polling the resource at this moment."""


# An organization's earliest claimable row is one look into the index, and one more where that is
# held. ORDER BY keeps the planner from reading the table instead. The last one in turn is answered
# in any case, for the next turn goes on behind it.
VISIT = """
WITH turn AS MATERIALIZED (
    SELECT id FROM accounts_organization WHERE id > %(after)s ORDER BY id LIMIT %(visits)s
)
SELECT o.id, earliest.claimable_at, first.next_poll_at,
       (SELECT count(*) FROM turn), (SELECT max(id) FROM turn)
FROM (
    SELECT id, '-infinity'::timestamptz AS since FROM turn
    UNION ALL
    SELECT e.id, e.since
    FROM unnest(%(expected)s::bigint[], %(since)s::timestamptz[]) AS e(id, since)
    WHERE NOT EXISTS (SELECT FROM turn WHERE turn.id = e.id)
) AS o
LEFT JOIN LATERAL (
    SELECT r.next_poll_at, GREATEST(r.lease_until, r.next_poll_at) AS claimable_at
    FROM polling_pollingresource AS r
    WHERE r.active AND r.organization_id = o.id
      AND r.next_poll_at >= o.since AND r.next_poll_at <= %(until)s
    ORDER BY r.next_poll_at
    LIMIT 1
) AS first ON TRUE
LEFT JOIN LATERAL (
    SELECT LEAST(first.claimable_at, (
        SELECT r.next_poll_at
        FROM polling_pollingresource AS r
        WHERE first.claimable_at > %(now)s
          AND r.active AND r.organization_id = o.id
          AND r.next_poll_at >= o.since AND r.next_poll_at <= %(until)s
          AND (r.lease_until IS NULL OR r.lease_until <= %(now)s)
        ORDER BY r.next_poll_at
        LIMIT 1
    )) AS claimable_at
) AS earliest ON TRUE
WHERE earliest.claimable_at IS NOT NULL OR o.id = (SELECT max(id) FROM turn)
ORDER BY earliest.claimable_at
"""

# The share is a number in the text and not a subquery: the planner must know that it is small.
PICK_FAIR_SHARE = """
SELECT r.id
FROM unnest(%(organizations)s::bigint[], %(since)s::timestamptz[]) AS o(id, since)
CROSS JOIN LATERAL (
    SELECT r.id
    FROM polling_pollingresource AS r
    WHERE r.active AND r.organization_id = o.id
      AND r.next_poll_at >= o.since AND r.next_poll_at <= %(now)s
      AND (r.lease_until IS NULL OR r.lease_until <= %(now)s)
    ORDER BY r.next_poll_at
    LIMIT %(share)s
    FOR UPDATE SKIP LOCKED
) AS r
LIMIT %(most)s
"""

PICK_BY_ID = """
SELECT r.id
FROM polling_pollingresource AS r
WHERE r.active AND r.id = ANY(%(ids)s::bigint[])
ORDER BY r.id
FOR UPDATE
"""

# What a poll needs of each of some rows, named r.
NEEDED = """
SELECT r.id, r.organization_id, r.instance_id, r.name, r.configuration, r.interval,
       r.next_poll_at, r.lease_id, r.cursor, r.last_success_at, r.behind_since, r.watched_since,
       r.failures, r.put_aside_due_at, r.note, r.left_out, r.reconciliation,
       i.element_key, i.configuration, c.id, c.access_token, i.application, c.account
FROM {rows} AS r
JOIN instances_elementinstance AS i ON i.id = r.instance_id
LEFT JOIN instances_credential AS c ON c.instance_id = r.instance_id
"""

# An array and not a join: of hundreds of picked rows the planner thinks that reading three tables
# whole is cheaper than looking those up.
LEASE_PICKED = f"""
WITH picked AS MATERIALIZED ({{pick}}), claimed AS (
    UPDATE polling_pollingresource AS r
    SET lease_id = %(lease_id)s, lease_until = %(lease_until)s
    WHERE r.id = ANY(ARRAY(SELECT id FROM picked))
    RETURNING r.*
)
{NEEDED.format(rows="claimed")}
"""  # noqa: S608 - no outside text
CLAIM_FAIR_SHARE = LEASE_PICKED.format(pick=PICK_FAIR_SHARE)
CLAIM_BY_ID = LEASE_PICKED.format(pick=PICK_BY_ID)

# The same without a claim: of a row as it stands, and of one that is not stored.
STORED = NEEDED.format(rows="polling_pollingresource") + "WHERE r.id = %s"
UNSTORED = NEEDED.format(rows="jsonb_populate_record(NULL::polling_pollingresource, %s)")

ROWS_OF_INSTANCE = """
SELECT r.id, r.lease_until
FROM polling_pollingresource AS r
WHERE r.active AND r.instance_id = %(instance_id)s
  AND (%(names)s::text[] IS NULL OR r.name = ANY(%(names)s::text[]))
  AND (NOT %(only_new)s OR r.cursor IS NULL)
ORDER BY r.id
FOR UPDATE
"""

# Whoever has a row locked is changing or deleting it, and the lease with it: not waited for.
OURS = """
SELECT r.id
FROM unnest(%(ids)s::bigint[], %(lease_ids)s::uuid[]) AS held(id, lease_id)
JOIN polling_pollingresource AS r ON r.id = held.id AND r.lease_id = held.lease_id
ORDER BY r.id
FOR UPDATE OF r SKIP LOCKED
"""
RENEW = f"""
UPDATE polling_pollingresource AS r SET lease_until = %(lease_until)s
FROM ({OURS}) AS ours WHERE r.id = ours.id
"""  # noqa: S608 - no outside text
RELEASE = f"""
UPDATE polling_pollingresource AS r SET lease_id = NULL, lease_until = NULL
FROM ({OURS}) AS ours WHERE r.id = ours.id
RETURNING r.organization_id, r.next_poll_at
"""  # noqa: S608 - no outside text


class DueOrganizations:
    """Which organizations have due rows, at a cost that follows how many have.

    The first look visits all of them. Each further one visits those whose next row falls due, as
    their last visit or a wake-up showed, and all the time, in a share of it, VISITS others in turn:
    what nobody told of is noticed in a round of turns.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know nothing, as in the beginning."""
        self._wakeups = wakeups.WakeUps(wakeups.POLLS)
        self._expected = Expected()
        self._after: int | None = None  # the last one in turn; none: all are to be visited
        self._turn_at = self._looked_at = time.monotonic()

    def expect(self, organization_id: int, at: datetime) -> None:
        """Visit the organization again once it is `at`, or earlier."""
        self._expected.add(organization_id, since=at)

    def since(self, organization_ids: Sequence[int]) -> list[datetime]:
        """Return from when on each has rows that may be due, of those that `find` has returned."""
        return [self._expected.since(id_) for id_ in organization_ids]

    def find(self, most: int, now: datetime, left_out: Collection[int] = ()) -> list[int]:
        """Return at most `most` of them, whose rows have waited longest, without `left_out`."""
        try:
            return self._find(most, now, left_out)
        except Exception:
            self.forget()  # it may be another database
            raise

    def _find(self, most: int, now: datetime, left_out: Collection[int]) -> list[int]:
        if time.monotonic() - self._looked_at > FORGOTTEN_AFTER:
            self.forget()
        for organization_id, at in self._wakeups.read().items():
            self.expect(organization_id, at)
        visited: dict[int, tuple[datetime, datetime]] = {}
        due: list[int] = []
        full = True
        while full and len(due) < most:
            expected = self._expected.take(VISITS, now)
            full = len(expected) == VISITS
            visited |= self._visit(expected, now)
            due = [id_ for id_, (at, _) in visited.items() if at <= now and id_ not in left_out]
        for organization_id, (at, since) in visited.items():
            self._expected.drop(organization_id)
            self._expected.add(organization_id, since=since, look_at=at)
        self._looked_at = time.monotonic()
        return sorted(due, key=lambda id_: visited[id_][0])[:most]

    def _visit(
        self, expected: dict[int, datetime], now: datetime
    ) -> dict[int, tuple[datetime, datetime]]:
        """Return when each of them, and of those in turn, has a row to claim, and since when it has
        any, held ones included; of those only that have one within FORESEEN."""
        began = time.monotonic()
        visits = None if self._after is None else VISITS if began >= self._turn_at else 0
        if visits == 0 and not expected:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                VISIT,
                {
                    "after": self._after or 0,
                    "visits": visits,
                    "expected": list(expected),
                    "since": list(expected.values()),
                    "now": now,
                    "until": now + FORESEEN,
                },
            )
            rows = cursor.fetchall()
        if visits != 0:
            self._after = rows[0][4] if rows and rows[0][3] == visits else 0
            ended = time.monotonic()
            self._turn_at = ended + TURN_SHARE * (ended - began)
        return {organization_id: (at, since) for organization_id, at, since, *_ in rows if at}


def claim_due(
    most: int,
    now: datetime,
    *,
    left_out: Collection[int] = (),
    among: DueOrganizations | None = None,
) -> list[ClaimedResource]:
    """Claims at most `most` due rows, a fair share of each organization that has some.

    `among` is what earlier claims have learnt; without it all organizations are visited. Those in
    `left_out` are passed over. Fewer rows than `most` do not mean that no more are due: an
    organization may have had fewer than its share. None means so, as far as is known.
    """
    among = among or DueOrganizations()
    organizations = among.find(most, now, left_out)
    if not organizations:
        return []
    share = -(-most // len(organizations))
    return _lease(
        CLAIM_FAIR_SHARE,
        now,
        {
            "organizations": organizations,
            "since": among.since(organizations),
            "share": share,
            "most": most,
            "now": now,
        },
    )


def claim_instance(
    instance_id: int, now: datetime, *, name: str | None = None, only_new: bool = False
) -> list[ClaimedResource]:
    """Claims the active resources of one instance, due or not; all of them or none.

    `name` asks for one of them, `only_new` for those not started yet. Raises PollRunningError when
    somebody holds one of them.
    """
    names = None if name is None else [name]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            ROWS_OF_INSTANCE, {"instance_id": instance_id, "names": names, "only_new": only_new}
        )
        rows = cursor.fetchall()
        if any(lease_until is not None and lease_until > now for _, lease_until in rows):
            raise PollRunningError
        return _lease(CLAIM_BY_ID, now, {"ids": [id_ for id_, _ in rows]}) if rows else []


def look_at(row: PollingResource) -> ClaimedResource | None:
    """The row as a claim would give it, stored or not, and nobody's lease; None when it is gone.

    A poll of it may be looked at and can't be stored: the fence knows no such lease.
    """
    with connection.cursor() as cursor:
        if row.pk is not None:
            cursor.execute(STORED, [row.pk])
        else:
            cursor.execute(UNSTORED, [json.dumps(_columns(row), default=str)])
        found = cursor.fetchone()
    if found is None:
        return None
    entry = json.dumps(row.configuration)  # it may be another than what is stored
    return ClaimedResource._make(found)._replace(lease_id=uuid.uuid4(), entry=entry)


def _columns(row: PollingResource) -> dict[str, Any]:
    columns = {
        field.attname: getattr(row, field.attname) for field in row._meta.local_concrete_fields
    }
    return {**columns, "id": NO_ROW}


def hold(resource: ClaimedResource, now: datetime) -> ClaimedResource | None:
    """Leases a row anew that is held already, as it stands now; None when it is held no more."""
    with transaction.atomic():
        if not renew([resource], now):
            return None
        again = _lease(CLAIM_BY_ID, now, {"ids": [resource.id]})
        return again[0] if again else None


def renew(resources: Sequence[ClaimedResource], now: datetime) -> int:
    """Lengthens the leases that are still held; how many those were."""
    with connection.cursor() as cursor:
        cursor.execute(RENEW, {**_held(resources), "lease_until": now + LEASE})
        return int(cursor.rowcount)


def release(resources: Sequence[ClaimedResource]) -> int:
    """Gives rows back unpolled: they are due as they were before."""
    if not resources:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(RELEASE, _held(resources))
        released = cursor.fetchall()
        if released:
            organizations, due = zip(*released, strict=True)
            wakeups.wake(wakeups.POLLS, organizations, min(due))
    return len(released)


def _held(resources: Sequence[ClaimedResource]) -> dict[str, Any]:
    """Their leases, as OURS takes them."""
    return {
        "ids": [one.id for one in resources],
        "lease_ids": [one.lease_id for one in resources],
    }


def _lease(statement: str, now: datetime, parameters: dict[str, Any]) -> list[ClaimedResource]:
    with connection.cursor() as cursor:
        cursor.execute(
            statement, {**parameters, "lease_id": uuid.uuid4(), "lease_until": now + LEASE}
        )
        return [ClaimedResource._make(row) for row in cursor.fetchall()]
