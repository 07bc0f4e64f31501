"""Resources that should have been polled and were not: an alarm by construction.

A resource is overdue when it has not been polled for two intervals and a grace. That follows from
its row and the time alone, whatever has died: scheduler, worker or queue. A poll that fails is none
of these: it took place, and says so on the row.

Rule: who tells of it notes on the row, in the same transaction, of which due time it was told. A
poll moves that time, so each stall is told once, and nothing has to be cleared.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Value

from api.timestamp import timestamp
from events.own_topics import POLLING_STALLED
from events.record import record_instance_event
from instances.models import ElementInstance
from instances.reason import Reason
from polling.claim import LEASE
from polling.models import PollingResource

MOST_TOLD_AT_ONCE = 500  # resources
MOST_LISTED = 10_000

# Who holds a row is looked at as well: a worker that hangs renews its leases and polls nothing.
OVERDUE = """
r.active
AND r.next_poll_at < %(before)s
AND r.next_poll_at + r.interval * interval '1 second' < %(before)s
AND (r.lease_until IS NULL OR r.lease_until <= %(held_until)s)
"""
FIGURES = f"""
SELECT count(*), min(late.next_poll_at)
FROM accounts_organization AS o
CROSS JOIN LATERAL (
    SELECT r.next_poll_at FROM polling_pollingresource AS r
    WHERE r.organization_id = o.id AND {OVERDUE}
) AS late
"""  # noqa: S608 - no outside text
UNTOLD = f"""
SELECT late.instance_id
FROM accounts_organization AS o
CROSS JOIN LATERAL (
    SELECT r.instance_id FROM polling_pollingresource AS r
    WHERE r.organization_id = o.id AND {OVERDUE}
      AND r.stall_told_of IS DISTINCT FROM r.next_poll_at
    LIMIT %(most)s
) AS late
LIMIT %(most)s
"""  # noqa: S608 - no outside text
IDS = f"""
SELECT late.id
FROM accounts_organization AS o
CROSS JOIN LATERAL (
    SELECT r.id FROM polling_pollingresource AS r
    WHERE r.organization_id = o.id AND {OVERDUE}
    LIMIT %(most)s
) AS late
LIMIT %(most)s
"""  # noqa: S608 - no outside text
TELL = f"""
UPDATE polling_pollingresource AS told SET stall_told_of = told.next_poll_at
FROM (
    SELECT r.id FROM polling_pollingresource AS r
    WHERE r.instance_id = %(instance_id)s AND {OVERDUE}
      AND r.stall_told_of IS DISTINCT FROM r.next_poll_at
    ORDER BY r.id
    FOR UPDATE SKIP LOCKED
) AS late
WHERE told.id = late.id
RETURNING told.name, told.next_poll_at, told.last_polled_at
"""  # noqa: S608 - no outside text


class Figures(NamedTuple):
    resources: int
    oldest_seconds: float  # since the oldest was due; 0 when none is overdue


def figures(now: datetime) -> Figures:
    """How many resources are overdue, by one look into the index for each organization."""
    with connection.cursor() as cursor:
        cursor.execute(FIGURES, limits_at(now))
        count, oldest = cursor.fetchone()
    return Figures(count, (now - oldest).total_seconds() if oldest is not None else 0.0)


def ids(now: datetime) -> list[int]:
    """Of overdue resources, for a list of them: MOST_LISTED at most."""
    with connection.cursor() as cursor:
        cursor.execute(IDS, {"most": MOST_LISTED, **limits_at(now)})
        return [row[0] for row in cursor.fetchall()]


def resources(now: datetime) -> QuerySet[PollingResource]:
    """Those that are OVERDUE, to be asked further."""
    at = limits_at(now)
    interval = ExpressionWrapper(
        F("interval") * Value(timedelta(seconds=1)), output_field=DurationField()
    )
    late = PollingResource.objects.alias(missed_at=F("next_poll_at") + interval).filter(
        active=True, next_poll_at__lt=at["before"], missed_at__lt=at["before"]
    )
    return late.filter(Q(lease_until=None) | Q(lease_until__lte=at["held_until"]))


def sentence(late: Sequence[tuple[str, datetime]]) -> str:
    named = ", ".join(f"{name} since {due:%Y-%m-%d %H:%M} UTC" for name, due in late)
    return (
        f"Polling has stalled; due and not polled: {named}. "
        "What changed meanwhile is found once it goes on."
    )


def tell(now: datetime) -> int:
    """Records a notification of each instance whose polling has stalled; how many it were.

    Whoever comes first does it: the worker's watch, or the web server's health check where no
    worker is alive. Deliveries go out when one is again.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNTOLD, {"most": MOST_TOLD_AT_ONCE, **limits_at(now)})
        instance_ids = sorted({row[0] for row in cursor.fetchall()})
    return sum(_tell_of(instance_id, now) for instance_id in instance_ids)


@transaction.atomic
def _tell_of(instance_id: int, now: datetime) -> bool:
    rows = ElementInstance.objects.select_for_update(no_key=True, skip_locked=True)
    instance = rows.filter(pk=instance_id).first()
    if instance is None:  # gone, or somebody changes it: looked at again in a minute
        return False
    with connection.cursor() as cursor:
        cursor.execute(TELL, {"instance_id": instance_id, **limits_at(now)})
        late = sorted(cursor.fetchall())
    if not late:
        return False
    record = {
        "id": instance.pk,
        "name": instance.name,
        "valid": instance.valid,
        "reason": sentence([(name, due) for name, due, _ in late]),
        "reasonCode": Reason.POLLING_STALLED.value,
        "resources": [
            {"resource": name, "dueDate": timestamp(due), "lastPolledDate": timestamp(last)}
            for name, due, last in late
        ],
    }
    record_instance_event(instance, POLLING_STALLED, record, now)
    return True


def limits_at(now: datetime) -> dict[str, Any]:
    """The parameters of OVERDUE."""
    grace = timedelta(seconds=settings.POLL_OVERDUE_GRACE)
    return {"held_until": now + LEASE, "before": now - grace}
