"""Whatever a wrong clock has written: nothing waits for longer than its rule allows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.db.models import Model
from django.utils import timezone

from accounts.models import PasswordReset
from bulk.models import BulkJob, JobStatus
from events.models import Endpoint
from instances.models import Credential, ElementInstance, IdempotencyKey
from monitoring.recall import WAITS, recall_put_off
from quota.models import QuotaBucket
from tests.events.found import new_instance
from watching.models import InstanceWatch

pytestmark = pytest.mark.django_db
YEAR = timedelta(days=365)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Make = Callable[[ElementInstance], Model]


def credential(instance: ElementInstance) -> Model:
    return Credential.objects.create(instance=instance, access_token="a", refresh_token="r")


def a_watch(instance: ElementInstance) -> Model:
    return InstanceWatch.objects.create(instance=instance, secret="s", configured="c")


def job(instance: ElementInstance) -> Model:
    return BulkJob.objects.create(
        organization=instance.organization,
        instance=instance,
        resource="messages",
        query="select * from messages",
        status=JobStatus.RUNNING,
        next_run_at=timezone.now(),
        created_at=timezone.now(),
    )


def endpoint(instance: ElementInstance) -> Model:
    return Endpoint.objects.create(
        organization=instance.organization,
        origin="https://a.example",
        failures=10,
        probes=1,
        updated_at=timezone.now(),
    )


def key(instance: ElementInstance) -> Model:
    return IdempotencyKey.objects.create(
        account=instance.organization.default_account,
        key="k",
        request_digest="d",
        holder=uuid.uuid4(),
        held_until=timezone.now(),
        created_at=timezone.now(),
    )


def bucket(_: ElementInstance) -> Model:
    now = timezone.now()
    return QuotaBucket.objects.create(subject="gmail a", minute=now, day=now.date())


def attempt(_: ElementInstance) -> Model:
    row: Model = AccessAttempt.objects.create(
        username="user@example.com", ip_address="192.0.2.1", failures_since_start=5
    )
    return row


def letter(instance: ElementInstance) -> Model:
    return PasswordReset.objects.create(user=instance.user, sent_at=timezone.now())


@dataclass(frozen=True)
class Case:
    """`columns` are times from now, or other values; `until` is the one that is waited for."""

    name: str
    make: Make
    until: str
    columns: dict[str, Any]


def written(case: Case, instance: ElementInstance) -> Model:
    row, now = case.make(instance), timezone.now()
    given = {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in case.columns.items()
    }
    type(row)._default_manager.filter(pk=row.pk).update(**given)
    row.refresh_from_db()
    return row


TOO_LONG = [
    Case("a renewal", credential, "refresh_due_at",
         {"refreshed_at": YEAR, "refresh_due_at": YEAR + HOUR, "expires_at": YEAR + HOUR * 2}),
    Case("a renewal that was claimed", credential, "refresh_due_at",
         {"refreshed_at": -HOUR, "refresh_due_at": YEAR, "expires_at": MINUTE}),
    Case("a renewal that failed", credential, "refresh_due_at",
         {"refreshed_at": -HOUR, "refresh_due_at": HOUR, "expires_at": MINUTE, "failures": 9}),
    Case("a watch that was started", a_watch, "due_at",
         {"started_at": YEAR, "due_at": YEAR + DAY, "expires_at": DAY}),
    Case("a watch that is wanted", a_watch, "due_at", {"due_at": YEAR}),
    Case("a watch that is to be another", a_watch, "due_at",
         {"started_at": -DAY, "due_at": YEAR, "expires_at": DAY}),
    Case("a watch that failed", a_watch, "due_at", {"due_at": 2 * DAY, "failures": 3}),
    Case("a watch that is held", a_watch, "lease_until", {"due_at": -HOUR, "lease_until": HOUR}),
    Case("a bulk job", job, "next_run_at", {"next_run_at": 2 * DAY}),
    Case("a bulk job that is held", job, "lease_until",
         {"next_run_at": -HOUR, "lease_until": HOUR}),
    Case("a server of callbacks", endpoint, "open_until", {"open_until": HOUR}),
    Case("a request that is held", key, "held_until", {"held_until": HOUR}),
    Case("a quota", bucket, "closed_until", {"closed_until": 2 * HOUR}),
    Case("a sign-in", attempt, "attempt_time", {"attempt_time": YEAR}),
    Case("an e-mail", letter, "sent_at", {"sent_at": YEAR}),
]  # fmt: skip
AS_ALLOWED = [
    Case("a renewal", credential, "refresh_due_at",
         {"refreshed_at": timedelta(0), "refresh_due_at": 50 * MINUTE, "expires_at": HOUR}),
    Case("a renewal in eight hours", credential, "refresh_due_at",
         {"refreshed_at": timedelta(0), "refresh_due_at": 7 * HOUR, "expires_at": 8 * HOUR}),
    Case("a renewal that failed", credential, "refresh_due_at",
         {"refreshed_at": -HOUR, "refresh_due_at": 30 * MINUTE, "expires_at": MINUTE,
          "failures": 9}),
    Case("a grant that is lost", credential, "refresh_due_at",
         {"state": "lost", "refresh_due_at": None}),
    Case("a watch of a week", a_watch, "due_at",
         {"started_at": timedelta(0), "due_at": DAY, "expires_at": 7 * DAY}),
    Case("a watch without an end", a_watch, "due_at",
         {"started_at": -DAY, "due_at": 29 * DAY, "expires_at": None}),
    Case("a watch that is off", a_watch, "due_at", {"started_at": None, "due_at": None}),
    Case("a watch that failed", a_watch, "due_at", {"due_at": DAY, "failures": 3}),
    Case("a watch that is held", a_watch, "lease_until",
         {"due_at": -HOUR, "lease_until": 3 * MINUTE}),
    Case("a bulk job, as the provider asks", job, "next_run_at", {"next_run_at": DAY}),
    Case("a bulk job that is held", job, "lease_until",
         {"next_run_at": -HOUR, "lease_until": MINUTE}),
    Case("a bulk job that has ended", job, "next_run_at",
         {"status": "COMPLETED", "next_run_at": YEAR}),
    Case("a server of callbacks", endpoint, "open_until", {"open_until": MINUTE}),
    Case("a request that is held", key, "held_until", {"held_until": 2 * MINUTE}),
    Case("a quota", bucket, "closed_until", {"closed_until": HOUR}),
    Case("a sign-in", attempt, "attempt_time", {"attempt_time": timedelta(0)}),
    Case("an e-mail", letter, "sent_at", {"sent_at": timedelta(0)}),
]  # fmt: skip


@pytest.mark.parametrize("case", TOO_LONG, ids=lambda case: case.name)
def test_what_waits_too_long_is_due_now(case: Case) -> None:
    row = written(case, new_instance())
    assert recall_put_off() == 1
    row.refresh_from_db()
    until = getattr(row, case.until)
    assert until is None or until <= timezone.now()
    assert recall_put_off() == 0


@pytest.mark.parametrize("case", AS_ALLOWED, ids=lambda case: case.name)
def test_what_waits_as_its_rule_allows_goes_on_waiting(case: Case) -> None:
    row = written(case, new_instance())
    until = getattr(row, case.until)
    assert recall_put_off() == 0
    row.refresh_from_db()
    assert getattr(row, case.until) == until


def test_each_wait_has_a_name_of_its_own() -> None:
    assert len({wait.name for wait in WAITS}) == len(WAITS)
