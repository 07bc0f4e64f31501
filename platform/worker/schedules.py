"""The django-q2 schedules that must exist, kept in place after each migration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django_q.models import Schedule
from django_q.tasks import async_task

OWN = "periodic: "  # how the names of our schedules begin


@dataclass(frozen=True, slots=True)
class Wanted:
    """One schedule. A line's is only the safety net under its chain (worker.line)."""

    name: str
    task: str
    slot: int | None = None
    minutes: int = 1

    @property
    def args(self) -> tuple[int, ...]:
        return () if self.slot is None else (self.slot,)


def wanted() -> Iterator[Wanted]:
    for slot in range(settings.POLL_LOOPS):
        yield Wanted(f"{OWN}poll due resources, loop {slot + 1}", "polling.tasks.poll_due", slot)
    for slot in range(settings.DELIVERY_LOOPS):
        yield Wanted(
            f"{OWN}deliver due notifications, loop {slot + 1}", "events.tasks.deliver_due", slot
        )
    for slot in range(settings.BULK_LOOPS):
        yield Wanted(f"{OWN}work on bulk jobs, loop {slot + 1}", "bulk.tasks.run_due", slot)
    yield Wanted(f"{OWN}refresh credentials ahead of expiry", "instances.tasks.refresh_due", 0)
    yield Wanted(f"{OWN}keep watches at providers", "watching.tasks.keep_due", 0)
    yield Wanted(f"{OWN}work on errands of the admin", "administration.tasks.run_errands", 0)
    yield Wanted(f"{OWN}tell of stalls and of what will end", "monitoring.watch.watch")
    yield Wanted(f"{OWN}recall polls a clock put off", "polling.tasks.recall_put_off", minutes=10)
    yield Wanted(
        f"{OWN}recall deliveries a clock put off", "events.tasks.recall_put_off", minutes=10
    )
    yield Wanted(f"{OWN}remove old poll runs", "polling.tasks.remove_old_runs", minutes=60)
    yield Wanted(f"{OWN}remove old buckets", "quota.tasks.remove_old_buckets", minutes=60)
    yield Wanted(f"{OWN}remove old events", "events.tasks.remove_old_events", minutes=60)
    yield Wanted(f"{OWN}remove old sessions", "accounts.tasks.remove_old_sessions", minutes=60)
    yield Wanted(f"{OWN}remove old errands", "administration.tasks.remove_old_errands", minutes=60)
    yield Wanted(f"{OWN}remove old audit entries", "audit.tasks.remove_old_entries", minutes=60)
    yield Wanted(f"{OWN}remove old failures", "worker.tasks.remove_old_failures", minutes=60)
    yield Wanted(f"{OWN}remove old bulk jobs", "bulk.tasks.remove_old_jobs", minutes=60)
    yield Wanted(
        f"{OWN}remove old deliveries of inboxes", "inbox.tasks.remove_old_deliveries", minutes=60
    )


def keep_schedules(**_: Any) -> None:
    """Makes the schedules as `wanted` says; those that people added are left alone."""
    wanted_now = list(wanted())
    with transaction.atomic():
        Schedule.objects.filter(name__startswith=OWN).exclude(
            name__in=[schedule.name for schedule in wanted_now]
        ).delete()
        for schedule in wanted_now:
            Schedule.objects.update_or_create(
                name=schedule.name,
                defaults={
                    "func": schedule.task,
                    "args": repr(schedule.args) if schedule.args else None,
                    "schedule_type": Schedule.MINUTES,
                    "minutes": schedule.minutes,
                    "repeats": -1,
                },
            )


def wake_lines(**_: Any) -> None:
    """Queues each line's task, so that a new worker process does not wait for the schedule."""
    for schedule in wanted():
        if schedule.slot is not None:
            async_task(schedule.task, schedule.slot, q_options={"save": False})
