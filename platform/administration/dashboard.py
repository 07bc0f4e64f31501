"""What the first page of the admin shows: how the platform stands at this moment.

What is exact and small is asked on each look; what would take a pass over a table is in the samples
that the worker takes each minute (monitoring.sample).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from elements import catalogue
from events import backlog
from instances import grants
from monitoring import sample
from monitoring.chart import Chart, chart
from monitoring.models import Sample
from polling import overdue
from quota import meter
from worker import leases

SAMPLE_LATE_AFTER = timedelta(minutes=5)
MOST_PROJECTS = 5
SHORT_ID = 8  # characters of a project's id, which is a digest


class Figure(NamedTuple):
    """`kind` is how it is to be taken: good, bad or plain; `link` leads to the rows it counts."""

    name: str
    value: str
    kind: str = "plain"
    link: str = ""


class Group(NamedTuple):
    title: str
    figures: list[Figure]


class Period(NamedTuple):
    key: str
    step: timedelta
    steps: int
    per: str


PERIODS = (
    Period("hour", timedelta(minutes=1), 60, "minute"),
    Period("day", timedelta(minutes=15), 96, "quarter of an hour"),
    Period("week", timedelta(hours=2), 84, "two hours"),
)


def figures(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: adds to what templates/admin/index.html knows.

    Nothing for those who may see no instances: the figures are of all customers together.
    """
    if not request.user.has_perm("instances.view_elementinstance"):
        return {**context, "no_role": True}
    now = timezone.now()
    period = next((one for one in PERIODS if one.key == request.GET.get("period")), PERIODS[0])
    counted = sample.sums(period.step, period.steps, now)
    latest = sample.latest(now)
    return {
        **context,
        "title": "Dashboard",
        "now": now,
        "groups": list(_groups(latest, now)),
        "no_sample": latest is None,
        "stale": latest is not None and latest.at < now - SAMPLE_LATE_AFTER,
        "latest": latest,
        "periods": PERIODS,
        "period": period,
        "charts": _charts(counted),
        "counted": [one for one in counted if any(one[1:])],
        "hosts": leases.alive(),
        "projects": list(_projects()),
    }


def _groups(latest: Sample | None, now: datetime) -> Iterator[Group]:
    polls, deliveries, accounts = overdue.figures(now), backlog.figures(now), grants.figures(now)
    instances, resources = _list("instances_elementinstance"), _list("polling_pollingresource")
    of_minute = latest or Sample()
    yield Group(
        "Instances",
        [
            Figure(
                "Active",
                f"{of_minute.connected:,}",
                link=f"{instances}?valid__exact=1&enabled__exact=1",
            ),
            _wrong("Need reconnection", accounts.lost, f"{instances}?state=needs-reconnection"),
            _wrong("Overdue", of_minute.overdue, f"{resources}?condition=overdue"),
            Figure("Disabled", f"{of_minute.disabled:,}", link=f"{instances}?state=disabled"),
        ],
    )
    yield Group(
        "Polling",
        [
            Figure("Polls a minute", f"{of_minute.polls:,}", link=resources),
            _wrong("Failing among them", of_minute.failed_polls, f"{resources}?condition=failing"),
            _wrong("Overdue resources", polls.resources, f"{resources}?condition=overdue"),
            Figure(
                "Oldest overdue poll",
                _age(polls.oldest_seconds) if polls.resources else "none",
                "bad" if polls.resources else "good",
                f"{resources}?condition=overdue",
            ),
        ],
    )
    sent, subscriptions = _list("events_delivery"), _list("events_subscription")
    yield Group(
        "Deliveries",
        [
            Figure("Due now", f"{deliveries.due:,}", link=f"{sent}?status__exact=created"),
            Figure(
                "Waiting for a retry", f"{deliveries.waiting:,}", link=f"{sent}?status__exact=retry"
            ),
            _wrong("Late", deliveries.late, f"{sent}?status__exact=created"),
            _wrong("Failing subscriptions", deliveries.failing, f"{subscriptions}?sending=failing"),
            _wrong(
                "Subscriptions turned off", deliveries.deactivated, f"{subscriptions}?sending=off"
            ),
        ],
    )


def _charts(counted: Sequence[sample.Sums]) -> list[Chart]:
    times = [one.begins for one in counted]
    polls = [(max(one.polls - one.failed_polls, 0), one.failed_polls) for one in counted]
    sent = [(one.attempts - one.failed_attempts, one.failed_attempts) for one in counted]
    return [
        chart("Polls", "failed", times, polls),
        chart("Events", "", times, [(one.events, 0) for one in counted]),
        chart("Attempts to deliver", "failed", times, sent),
    ]


class Share(NamedTuple):
    """Units that are used; of 0 there may be any number."""

    used: int
    limit: int

    def __str__(self) -> str:
        return f"{self.used:,} of {self.limit:,}" if self.limit else f"{self.used:,}"


class Project(NamedTuple):
    """An application at a provider, and how much of its quota is used.

    `subject` is what its bucket is called, `name` the same with a shortened id.
    """

    subject: str
    name: str
    link: str
    minute: Share
    day: Share
    closed_until: datetime | None


def _projects() -> Iterator[Project]:
    """Of each provider that counts, those that use most in its day."""
    quotas = {one.quota.name: one.quota for one in catalogue.all_elements() if one.quota}
    for quota in quotas.values():
        for subject, used in meter.busiest_projects(quota, MOST_PROJECTS):
            limits = quota.project
            yield Project(
                subject,
                _shortened(subject),
                f"{_list('quota_quotabucket')}?{urlencode({'q': subject})}",
                Share(used.minute, limits.minute),
                Share(used.day, limits.day),
                used.closed_until,
            )


def _shortened(subject: str) -> str:
    kind, _, its_id = subject.rpartition(" ")
    return f"{kind} {its_id[:SHORT_ID]}…" if len(its_id) > SHORT_ID else subject


def _wrong(name: str, count: int, link: str) -> Figure:
    return Figure(name, f"{count:,}", "bad" if count else "good", link)


def _list(model: str) -> str:
    return reverse(f"admin:{model}_changelist")


def _age(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
