"""What an instance uses of its provider's quota, and what it will have used when the day is over.

Three statements, whatever has been polled: the rows of the instance, the sum of its runs, and the
two buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Sum

from api.timestamp import timestamp
from instances.configuration import element_of
from instances.models import Credential, ElementInstance
from instances.session import subject_of
from polling.models import PollingResource, PollRun
from quota.bucket import Used
from quota.meter import account_used, whose_project
from transport.types import Bucket

DAY = timedelta(days=1)
SHORTEST = timedelta(hours=1)  # of a day, before which its pace says little


class Day(NamedTuple):
    """The provider's day at a moment."""

    begins: datetime
    passed: timedelta

    @classmethod
    def at(cls, now: datetime, zone: str) -> Day:
        local = now.astimezone(ZoneInfo(zone))
        begins = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(begins, now - begins)

    @property
    def left(self) -> float:
        """As a part of a day."""
        return max(0.0, 1 - self.passed / DAY)

    def whole(self, so_far: int) -> int:
        """What a day has at the pace of this one."""
        return round(so_far * (DAY / max(self.passed, SHORTEST)))


def units_of(
    instance: ElementInstance, now: datetime, *, with_project: bool
) -> dict[str, Any] | None:
    """None when the instance's provider counts nothing.

    `with_project` also tells of its application, unless that is the platform's: others use it, too.
    """
    element = element_of(instance)
    quota = element.quota
    if quota is None:
        return None
    day = Day.at(now, quota.day_zone)
    resources = list(PollingResource.objects.filter(instance=instance).order_by("name"))
    account = Credential.objects.filter(instance=instance).values_list("account", flat=True).first()
    subject = subject_of(instance, account or "")
    whose = whose_project(element)
    shared = bool(whose) and not instance.application  # with all who have no application
    own, project = account_used(quota, subject, whose)
    return {
        "day": day.begins.date().isoformat(),
        "account": _account(quota.account, own, resources, day, now),
        "project": _project(quota.project, project, day) if with_project and not shared else None,
        "waiting": [
            {"resource": one.name, "untilDate": timestamp(one.units_awaited_until)}
            for one in resources
            if one.active and one.units_awaited_until is not None
        ],
    }


def _account(
    limits: Bucket, used: Used, resources: Sequence[PollingResource], day: Day, now: datetime
) -> dict[str, Any]:
    """Polls are counted where they are stored, calls and bulk jobs in the bucket."""
    polls = sum(one.units_today for one in resources if one.units_day == day.begins.date())
    minute = now.replace(second=0, microsecond=0)
    small = sum(
        one.idle_units
        for one in resources
        if one.last_polled_at is not None and one.last_polled_at >= minute
    )
    changes = PollRun.objects.filter(resource__in=resources, started_at__gte=now - DAY)
    a_day = (
        sum(one.idle_units * (DAY / timedelta(seconds=one.interval)) for one in _polled(resources))
        + (changes.aggregate(units=Sum("units"))["units"] or 0)
        + day.whole(used.called)
    )
    today = polls + used.called
    return {
        "minute": {"used": used.minute + small, "limit": limits.minute or None},
        "today": {
            "used": today,
            "polls": polls,
            "calls": used.called,
            "limit": limits.day or None,
            "forecast": today + round(a_day * day.left),
        },
        "closedUntilDate": timestamp(used.closed_until),
    }


def _polled(resources: Sequence[PollingResource]) -> list[PollingResource]:
    return [one for one in resources if one.active]


def _project(limits: Bucket, used: Used, day: Day) -> dict[str, Any]:
    return {
        "minute": {"used": used.minute, "limit": limits.minute or None},
        "today": {
            "used": used.day,
            "calls": used.called,
            "polls": used.day - used.called,
            "limit": limits.day or None,
            "forecast": used.day + round(day.whole(used.day) * day.left),
        },
        "closedUntilDate": timestamp(used.closed_until),
    }
