"""The django-q2 schedules that must exist. The worker keeps them in place (worker.keeper)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django_q.models import Schedule

OWN = "periodic: "  # how the names of our schedules begin
LOCK = 0x5C4ED01E  # of those who keep the schedules; any number that nobody else takes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wanted:
    """One schedule: a task that runs every so many minutes."""

    name: str
    task: str
    minutes: int = 1


def wanted() -> Iterator[Wanted]:
    # The loops poll and deliver without a schedule (worker.loops); these two are the net below.
    yield Wanted(f"{OWN}poll due resources", "polling.tasks.poll_due")
    yield Wanted(f"{OWN}deliver due notifications", "events.tasks.deliver_due")
    yield Wanted(f"{OWN}tell of stalls and of what will end", "monitoring.watch.watch")
    yield Wanted(
        f"{OWN}recall what a clock put off", "monitoring.recall.recall_put_off", minutes=10
    )
    yield Wanted(f"{OWN}remove old poll runs", "polling.tasks.remove_old_runs", minutes=60)
    yield Wanted(f"{OWN}remove old buckets", "quota.tasks.remove_old_buckets", minutes=60)
    yield Wanted(f"{OWN}remove old events", "events.tasks.remove_old_events", minutes=60)
    yield Wanted(f"{OWN}remove old sessions", "accounts.tasks.remove_old_sessions", minutes=60)
    yield Wanted(f"{OWN}remove old errands", "administration.tasks.remove_old_errands", minutes=60)
    yield Wanted(f"{OWN}remove old audit entries", "audit.tasks.remove_old_entries", minutes=60)
    yield Wanted(f"{OWN}remove old failures", "worker.tasks.remove_old_failures", minutes=60)
    yield Wanted(f"{OWN}remove old wake-ups", "worker.wakeups.remove_old")
    yield Wanted(f"{OWN}remove old bulk jobs", "bulk.tasks.remove_old_jobs", minutes=60)
    yield Wanted(
        f"{OWN}remove old deliveries of inboxes", "inbox.tasks.remove_old_deliveries", minutes=60
    )


def keep_schedules(**_: Any) -> None:
    """Make the schedules as `wanted` says; those that people added are left alone.

    One that is due later than its interval allows was put off by a wrong clock, and is due now.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s), clock_timestamp()", [LOCK])
            _, now = cursor.fetchone()
        there = {one.name: one for one in Schedule.objects.filter(name__startswith=OWN)}
        for schedule in wanted():
            _keep(schedule, there.pop(schedule.name, None), now)
        Schedule.objects.filter(pk__in=[one.pk for one in there.values()]).delete()


def _keep(schedule: Wanted, there: Schedule | None, now: datetime) -> None:
    fields = {
        "func": schedule.task,
        "args": None,
        "schedule_type": Schedule.MINUTES,
        "minutes": schedule.minutes,
        "repeats": -1,
    }
    latest = now + timedelta(minutes=schedule.minutes + 1)
    if there is None:
        Schedule.objects.create(name=schedule.name, next_run=now, **fields)
    elif there.next_run is None or there.next_run > latest:
        log.warning("schedule.recalled", schedule=there.name, was_due=str(there.next_run))
        Schedule.objects.filter(pk=there.pk).update(next_run=now, **fields)
    elif any(getattr(there, name) != value for name, value in fields.items()):
        Schedule.objects.filter(pk=there.pk).update(**fields)
