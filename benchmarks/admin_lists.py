"""Milliseconds of each list of the admin, where each has 1,000,000 rows.

Each is asked as a browser would: the first page, the last one, each filter, what is searched for.
The time is that of the whole request within the process of the server, the making of the page
included. What no installation has a million of (organizations, roles, elements) is left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from django.db import connection

from benchmarks import database
from benchmarks.api_lists import insert_events
from benchmarks.rows import insert, insert_mailboxes

ROWS, QUICK_ROWS = 1_000_000, 5_000
TIMES = 5
RARE = 5_000  # one row of so many fails, is put aside, or is off


@dataclass(frozen=True, slots=True)
class Asked:
    """One page: a name for its figure, app and model, the query or the row."""

    name: str
    model: str
    query: dict[str, Any] = field(default_factory=dict)
    row: int | None = None

    @property
    def path(self) -> str:
        app, model = self.model.split(".")
        page = "" if self.row is None else f"{self.row}/change/"
        return f"/admin/{app}/{model}/{page}?{urlencode(self.query)}"


def run(*, quick: bool) -> dict[str, float]:
    rows = QUICK_ROWS if quick else ROWS
    database.fresh("admin_lists")
    client = _fill(rows)
    database.vacuum()
    figures = {f"admin_ms: {asked.name}": _milliseconds(client, asked) for asked in _pages(rows)}
    database.drop("admin_lists")
    return {"slowest_admin_list_ms": max(figures.values()), **figures, "admin_list_rows": rows}


def _pages(rows: int) -> Iterator[Asked]:
    last = {"p": rows // 50}
    instance, resource = "instances.elementinstance", "polling.pollingresource"
    yield Asked("instances", instance)
    yield Asked("instances, the last page", instance, last)
    yield Asked("instances, by the beginning of a name", instance, {"q": f"mailbox {rows - 7}"})
    yield Asked("instances, by a name that many have", instance, {"q": "mailbox"})
    yield Asked("instances, by a tag that all have", instance, {"q": "bench"})
    yield Asked("instances, by a name that nobody has", instance, {"q": "nowhere"})
    yield Asked("instances, by id", instance, {"q": rows // 2})
    yield Asked("instances, by a user's address", instance, {"q": "user7@example.com"})
    yield Asked("instances of an element", instance, {"element_key": "gmail"})
    yield Asked("instances of an element that none is of", instance, {"element_key": "github"})
    yield Asked("instances that are not valid", instance, {"valid__exact": 0})
    yield Asked("instances that are off", instance, {"enabled__exact": 0})
    yield Asked("instances without events", instance, {"events_enabled__exact": 0})
    yield Asked("instances of an organization", instance, {"organization__id__exact": 7})
    yield Asked("an instance", instance, row=rows // 2)
    yield Asked("credentials", "instances.credential")
    yield Asked("credentials that are lost", "instances.credential", {"state__exact": "lost"})
    yield Asked("resources", resource)
    yield Asked("resources, the last page", resource, last)
    yield Asked("resources, by the name of an instance", resource, {"q": "mailbox 77777"})
    for condition in ("overdue", "failing", "put-aside", "new", "off"):
        yield Asked(f"resources: {condition}", resource, {"condition": condition})
    yield Asked("poll runs", "polling.pollrun")
    yield Asked("poll runs, by instance", "polling.pollrun", {"q": rows // 2})
    yield Asked("poll runs that failed", "polling.pollrun", {"outcome": "failed"})
    yield Asked("put-aside objects", "polling.putasideobject")
    yield Asked("events", "events.event")
    yield Asked("events, the last page", "events.event", last)
    yield Asked("events, by id", "events.event", {"q": rows // 2})
    yield Asked("events, by webhook-id", "events.event", {"q": f"msg_{rows // 2}"})
    yield Asked("events of an instance", "events.event", {"instance__id__exact": rows // 2})
    yield Asked("an event", "events.event", row=rows // 2)
    yield Asked("subscriptions", "events.subscription")
    yield Asked("subscriptions to a server", "events.subscription", {"q": "https://example.com"})
    yield Asked("deliveries", "events.delivery")
    yield Asked("deliveries, the last page", "events.delivery", last)
    yield Asked("deliveries, by webhook-id", "events.delivery", {"q": f"msg_{rows // 2}"})
    for status in ("delivered", "queued", "retry", "failed"):
        yield Asked(f"deliveries: {status}", "events.delivery", {"status__exact": status})
    yield Asked("a delivery", "events.delivery", row=rows // 2)
    yield Asked("attempts", "events.deliveryattempt")
    yield Asked("attempts, by webhook-id", "events.deliveryattempt", {"q": f"msg_{rows // 2}"})
    yield Asked("watches", "watching.instancewatch")
    yield Asked("watches that are suspended", "watching.instancewatch", {"suspended__exact": 1})
    yield Asked("bulk jobs", "bulk.bulkjob")
    yield Asked("bulk jobs that failed", "bulk.bulkjob", {"status__exact": "ERROR"})
    yield Asked("users", "accounts.user")
    yield Asked("users, by the beginning of an address", "accounts.user", {"q": "person777"})
    yield Asked("users that are off", "accounts.user", {"is_active__exact": 0})
    yield Asked("accounts", "accounts.account")
    yield Asked("accounts, the last page", "accounts.account", last)
    yield Asked("accounts, by the beginning of a name", "accounts.account", {"q": "account 777"})
    yield Asked("accounts that are off", "accounts.account", {"active__exact": 0})
    yield Asked("accounts by policy", "accounts.account", {"failure_policy__exact": "queue"})
    yield Asked("audit entries", "audit.auditentry")
    yield Asked("audit entries, the last page", "audit.auditentry", last)
    yield Asked("audit entries, by instance", "audit.auditentry", {"q": rows // 2})
    yield Asked("audit entries, by organization", "audit.auditentry", {"q": 7})
    yield Asked("quota buckets", "quota.quotabucket")
    yield Asked("quota buckets, the last page", "quota.quotabucket", last)
    yield Asked("quota buckets, by subject", "quota.quotabucket", {"q": "gmail account 777"})
    yield Asked("failing servers", "events.endpoint")
    yield Asked("failing servers, by address", "events.endpoint", {"q": "https://server777."})
    yield Asked("failed tasks", "django_q.failure")
    yield Asked("failed tasks, the last page", "django_q.failure", last)
    yield Asked("successful tasks", "django_q.success")
    yield Asked("errands", "administration.errand")
    yield Asked("errands, by id", "administration.errand", {"q": rows // 2})


def _milliseconds(client: Any, asked: Asked) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        answer = client.get(asked.path)
        took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{asked.name}: {answer.status_code} {answer.content[:300]!r}")
    return median(took[1:])


# --- The rows ------------------------------------------------------------------------------------


def _fill(rows: int) -> Any:
    """The browser of a superuser."""
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from accounts.models import User

    settings.ALLOWED_HOSTS = ["testserver"]
    now = timezone.now()
    insert_mailboxes(rows, now + timedelta(days=1), timedelta(hours=1))
    insert_events(rows, rows, 1)
    _what_hangs_on_them(rows, now)
    _what_is_written_down(rows, now)
    _make_some_rare(rows)
    superuser = User.objects.create_superuser("operator@example.com")
    client = Client()
    client.force_login(superuser)
    return client


def _what_hangs_on_them(rows: int, now: Any) -> None:
    from accounts.models import User
    from bulk.models import BulkJob
    from encryption.keys import seal
    from events.models import DeliveryAttempt
    from polling.models import PollRun, PutAsideObject
    from watching.models import InstanceWatch

    insert(
        DeliveryAttempt(number=1, started_at=now, duration_ms=20, status_code=200),
        rows,
        {"delivery_id": "n"},
    )
    run = PollRun(started_at=now, finished_at=now, outcome="found", found=1)
    insert(run, rows, {"resource_id": "n"})
    aside = PutAsideObject(object_id="18c2f0b1a2d3e4f5", change_type="CREATED", next_try_at=now)
    insert(aside, rows, {"resource_id": "n"})
    sealed = f"'{seal('x' * 43, 'nobody reads it')}'"
    watch = InstanceWatch(pk=0, configured="x")
    insert(watch, rows, {"instance_id": "n", "secret": sealed})
    job = BulkJob(
        organization_id=1, resource="messages", status="COMPLETED", next_run_at=now, created_at=now
    )
    insert(job, rows, {"instance_id": "n"})
    insert(
        User(password="!", organization_id=1),  # noqa: S106 - none
        rows,
        {
            "id": "n + 1000",
            "username": "'person' || n || '@example.com'",
            "secret_digest": "'person ' || n",
        },
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('accounts_user_id_seq', (SELECT max(id) FROM accounts_user))")


def _what_is_written_down(rows: int, now: Any) -> None:
    from django_q.models import Task

    from accounts.models import Account
    from administration.models import Errand
    from audit.models import AuditEntry
    from events.models import Endpoint
    from quota.models import QuotaBucket

    insert(
        Account(created_at=now, updated_at=now),
        rows,
        {
            "id": "n + 1000",
            "name": "'Account ' || n",
            "organization_id": "1 + n %% 100",
            "external_id": "n",
        },
    )
    insert(
        AuditEntry(at=now, user_id=1, action="instance-changed", subject_kind="instance"),
        rows,
        {"organization_id": "1 + n %% 100", "instance_id": "n", "subject_id": "n"},
    )
    insert(
        QuotaBucket(minute=now, day=now.date()),
        rows,
        {"subject": "'gmail account ' || n"},
        ids=False,
    )
    insert(
        Endpoint(failures=1, probes=0, updated_at=now),
        rows,
        {"organization_id": "1 + n %% 100", "origin": "'https://server' || n || '.example.com'"},
    )
    insert(
        Task(func="events.tasks.deliver_due", started=now, stopped=now, success=False),
        rows,
        {"id": "md5(n::text)", "name": "'task ' || n", "stopped": "now() - n * interval '1 s'"},
        ids=False,
    )
    insert(
        Errand(deed="turn_events_on", until_id=rows, status="done", created_at=now, told_at=now),
        rows,
        {"finished_at": f"'{now.isoformat()}'::timestamptz"},
    )


def _make_some_rare(rows: int) -> None:
    """Of the rows of each table one in RARE is what somebody looks for among all others."""
    changes = {
        "instances_elementinstance": "valid = false, enabled = false, events_enabled = false",
        "instances_credential": "state = 'lost'",
        "polling_pollingresource": "failures = 3, put_aside_due_at = next_poll_at, "
        "next_poll_at = now() - interval '1 day'",
        "polling_pollrun": "outcome = 'failed'",
        "events_delivery": "status = 'retry'",
        "watching_instancewatch": "suspended = true",
        "bulk_bulkjob": "status = 'ERROR'",
        "accounts_user": "is_active = false",
        "accounts_account": "active = false, failure_policy = 'queue'",
    }
    with connection.cursor() as cursor:
        for table, change in changes.items():
            cursor.execute(f"UPDATE {table} SET {change} WHERE id %% %s = 0", [min(RARE, rows)])  # noqa: S608
