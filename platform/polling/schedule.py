"""Which resources of an instance are polled: rows kept in step with its configuration.

Rule 1: all of it happens in the transaction that changes the instance.
Rule 2: whatever changes how a resource is polled takes its row back from whoever polls it just
then: the lease is cleared, and what that poll found is dropped with its cursor unmoved.
Rule 3: a cursor is kept through disabling (of the instance, or of one resource in its entry), a
lost grant and connecting the same account again. Switching events off forgets it: switched on
again, "now" is the start. So does another listing where a resource is polled by comparing: what
two different listings don't share would look created or deleted. Another account is known nothing
of, and begins so, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import access
from elements import poller
from elements.calls import PollerEntry
from elements.feed import goes_by_dates
from instances import configuration, watched_objects
from instances.models import ElementInstance
from polling import reconciliation
from polling.due import LONGEST_INTERVAL, with_put_aside
from polling.models import (
    ListedObject,
    PolledObject,
    PollingResource,
    PollOutcome,
    PollRun,
    PutAsideObject,
)
from polling.poll_now import start_new
from worker import wakeups

_left_to_the_worker = ContextVar("left_to_the_worker", default=False)


@contextmanager
def left_to_the_worker() -> Iterator[None]:
    """Within it new resources are not started on the spot, but by the worker, for they are due.

    For whoever changes many instances: each start asks a provider.
    """
    token = _left_to_the_worker.set(True)
    try:
        yield
    finally:
        _left_to_the_worker.reset(token)


def keep_in_step(
    *,
    instance: ElementInstance,
    reauthenticated: bool = False,
    other_account: bool = False,
    **_: Any,
) -> None:
    """Receiver of instances.signals.instance_saved. Starts new resources once it is committed."""
    if configuration.element_of(instance).fault:
        return  # what it polls cannot be known: its rows stay, and say so when they are polled
    now = timezone.now()
    rows = {row.name: row for row in _locked(PollingResource.objects.filter(instance=instance))}
    owned = access.held(instance.user_id)
    if other_account:
        _forget(rows.values())
    due: list[datetime] = []
    for name, entry in _entries(instance).items():
        row = rows.pop(name, None) or PollingResource(
            organization_id=instance.organization_id, instance=instance, name=name, active=False
        )
        _update(row, instance, entry, now, owned=owned, reauthenticated=reauthenticated)
        if row.active:
            due.append(row.next_poll_at)
    PollingResource.objects.filter(pk__in=[row.pk for row in rows.values()]).delete()
    if due:
        wakeups.wake(wakeups.POLLS, [instance.organization_id], min(due))
    if not _left_to_the_worker.get():
        transaction.on_commit(lambda: start_new(instance.pk), robust=True)


def stop(*, instance: ElementInstance, reason: str, **_: Any) -> None:
    """Receiver of instances.signals.grant_lost: nothing is polled until it is connected again."""
    now = timezone.now()
    for row in _locked(PollingResource.objects.filter(instance=instance, active=True)):
        row.active = False
        row.error = reason
        row.lease_id = row.lease_until = None
        row.save()
        PollRun.objects.create(
            resource=row,
            started_at=now,
            finished_at=now,
            outcome=PollOutcome.FAILED,
            cursor_before=row.cursor or "",
            cursor_after=row.cursor or "",
            error=reason,
        )


def _locked(rows: QuerySet[PollingResource]) -> list[PollingResource]:
    return list(rows.select_for_update().order_by("id"))  # the order of everyone, no deadlocks


def _entries(instance: ElementInstance) -> Mapping[str, PollerEntry]:
    """What the instance's configuration wants polled; nothing as long as it doesn't say."""
    values = configuration.without_secrets(instance)
    text = values.get(configuration.POLLER_CONFIGURATION, "")
    if not text.strip():
        return {}
    wanted = watched_objects.watched(values)
    entries = poller.parse(text, configuration.element_of(instance))
    return {
        name: entry for name, entry in entries.items() if watched_objects.is_watched(name, wanted)
    }


def _update(
    row: PollingResource,
    instance: ElementInstance,
    entry: PollerEntry,
    now: datetime,
    *,
    owned: bool,
    reauthenticated: bool,
) -> None:
    """Brings one row up to date and saves it when anything about its polling changes."""
    new, was_active, before = row.pk is None, row.active, _deciding(row)
    wanted = instance.events_enabled and instance.vendor_type == "polling"
    minutes = entry.options.get("refreshInterval", instance.refresh_interval)
    interval = min(minutes * 60, LONGEST_INTERVAL)
    polled = stored_entry(entry)
    if not new and lists_otherwise(row, polled, instance):
        if asks_for_backfill(row, polled):
            PolledObject.objects.filter(resource=row).delete()
        row.cursor = row.watched_since = None
        row.next_poll_at = now
    row.configuration = polled
    row.enabled = entry.options.get("enabled", True)
    row.active = owned and row.enabled and wanted and instance.enabled and instance.valid
    if not new and row.interval != interval:
        since = row.last_polled_at or now
        next_poll_at = max(now, since + timedelta(seconds=interval))
        row.next_poll_at = with_put_aside(next_poll_at, row.put_aside_due_at, now)
    row.interval = interval
    if not wanted and row.cursor is not None:
        row.cursor = row.put_aside_due_at = row.behind_since = row.reconciliation = None
        reconciliation.clear(row.pk)
        PutAsideObject.objects.filter(resource=row).delete()
    if not wanted:
        row.watched_since = None
    elif row.watched_since is None:
        row.watched_since = now
    polled_at_once = row.active and (reauthenticated or not was_active)
    if new or polled_at_once:
        row.next_poll_at = now
        row.failures, row.error = 0, ""
    if new or polled_at_once or _deciding(row) != before:
        row.lease_id = row.lease_until = None
        row.save()


def _forget(rows: Collection[PollingResource]) -> None:
    """Forget all that is known of an account; what its running polls find is dropped."""
    for known in (PutAsideObject, PolledObject, ListedObject):
        known.objects.filter(resource__in=rows).delete()
    for row in rows:
        row.cursor = row.put_aside_due_at = row.watched_since = row.last_success_at = None
        row.lease_id = row.lease_until = row.told_at = None
        row.behind_since = row.reconciliation = None
        row.note = row.left_out = ""
        row.save()


def stored_entry(entry: PollerEntry) -> dict[str, Any]:
    """An entry of event.poller.configuration as the row keeps it."""
    return {**entry.options, "url": entry.url, "idField": entry.id_field}


def asks_for_backfill(row: PollingResource, polled: Mapping[str, Any]) -> bool:
    """Whether an entry that asked for none before asks for all that there is, known or not."""
    return bool(polled.get("backfill")) and not row.configuration.get("backfill")


def lists_otherwise(
    row: PollingResource, polled: Mapping[str, Any], instance: ElementInstance
) -> bool:
    """Whether what is known of a listing says nothing of what it is to list now.

    Polled by dates, another url only asks for other records from the same time on.
    """
    resource = poller.polled_by(configuration.element_of(instance), row.name, polled["url"])
    if resource is None or resource.changes is not None:
        return False
    before = row.configuration
    dated = goes_by_dates(polled["url"], polled)
    if asks_for_backfill(row, polled) or dated != goes_by_dates(before.get("url", ""), before):
        return True
    names = ("idField",) if dated else ("url", "idField")
    return any(before.get(name) != polled[name] for name in names)


def _deciding(row: PollingResource) -> tuple[Any, ...]:
    """The columns that decide whether and how a resource is polled."""
    return row.configuration, row.interval, row.active, row.cursor
