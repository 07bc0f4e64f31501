"""What the API and the pages show of an instance's polling: its state, and what polls came to."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from api.timestamp import timestamp
from elements.calls import Reconciliation
from events.models import Subscription
from instances import scopes
from instances.models import ElementInstance
from polling import reconciliation
from polling.dry_run import DryRun, dry_run
from polling.models import PollingResource, PollRun, PutAsideObject
from polling.report import PollReport
from polling.wish import Wish
from watching.representation import watch_of

RUNS_SHOWN = 50
PUT_ASIDE_SHOWN = 100  # of each resource
OBJECTS_SHOWN = 100  # of each kind, in a dry run
NOT_KNOWN = (
    "an object that came and went while nobody looked",
    "an object that was added under a date before sinceDate",
    "what happened to an object that no event has told of",
    "a change that was undone while nobody looked",
)


def polling_of(instance: ElementInstance) -> dict[str, Any]:
    """`resources` with their put-aside objects, the latest `runs`, newest first, and the `watch`.

    Idle polls write no run: `lastPolledDate` tells of them.
    """
    resources = list(PollingResource.objects.filter(instance=instance).order_by("name"))
    runs = PollRun.objects.filter(resource__in=resources).select_related("resource")
    return {
        "resources": [_resource(resource, instance) for resource in resources],
        "runs": [run_shown(run) for run in runs.order_by("-started_at", "-pk")[:RUNS_SHOWN]],
        "watch": watch_of(instance, timezone.now()),
    }


def records_of(instance: ElementInstance) -> list[dict[str, Any]]:
    """What is polled of the instance: one record a resource, by name."""
    return [
        _record(resource)
        for resource in PollingResource.objects.filter(instance=instance).order_by("name")
    ]


def _record(resource: PollingResource) -> dict[str, Any]:
    return {
        "id": resource.pk,
        "elementInstanceId": resource.instance_id,
        "objectName": resource.name,
        "url": resource.configuration.get("url", ""),
        "idField": resource.configuration.get("idField", ""),
        "active": resource.active,
        "createdDate": timestamp(resource.created_at),
        "lastPolledDate": timestamp(resource.last_polled_at),
        "lastSuccessDate": timestamp(resource.last_success_at),
        "nextPollDate": timestamp(resource.next_poll_at) if resource.active else None,
        "failures": resource.failures,
        "error": resource.error or None,
    }


def reconciliation_shown(name: str, one: Reconciliation) -> dict[str, Any]:
    """One that is under way on the resource called `name`."""
    return {
        "resource": name,
        "reason": one.reason.value,
        "sinceDate": timestamp(one.since),
        "startedDate": timestamp(one.started_at),
        "counts": dict(one.counts),
    }


def _under_way(resource: PollingResource) -> dict[str, Any] | None:
    if resource.reconciliation is None:
        return None
    one = reconciliation.restored(resource.reconciliation)
    return reconciliation_shown(resource.name, one)


def _receipt(run: PollRun) -> dict[str, Any] | None:
    if run.receipt is None:
        return None
    one = reconciliation.restored(run.receipt)
    shown = reconciliation_shown(run.resource.name, one)
    return {**shown, "finishedDate": timestamp(run.finished_at), "notKnown": list(NOT_KNOWN)}


def _resource(resource: PollingResource, instance: ElementInstance) -> dict[str, Any]:
    put_aside = PutAsideObject.objects.filter(resource=resource)
    body = {
        "resource": resource.name,
        "active": resource.active,
        "lastPolledDate": timestamp(resource.last_polled_at),
        "lastSuccessDate": timestamp(resource.last_success_at),
        "nextPollDate": timestamp(resource.next_poll_at) if resource.active else None,
        "waitsForUnitsUntilDate": timestamp(resource.units_awaited_until),
        "failures": resource.failures,
        "error": resource.error or None,
        "note": resource.note or None,
        "reconciliation": _under_way(resource),
        "putAside": [put_aside_shown(one) for one in put_aside.order_by("pk")[:PUT_ASIDE_SHOWN]],
    }
    if needed := scopes.needed_to_read(
        instance, resource.name, resource.configuration.get("url", "")
    ):
        body["missingScopes"] = list(needed)
    return body


def put_aside_shown(waiting: PutAsideObject) -> dict[str, Any]:
    return {
        "objectId": waiting.object_id,
        "eventType": waiting.change_type,
        "attempts": waiting.attempts,
        "error": waiting.error or None,
        "nextTryDate": timestamp(waiting.next_try_at),
        "since": timestamp(waiting.created_at),
    }


def run_shown(run: PollRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "resource": run.resource.name,
        "status": run.outcome,
        "startedDate": timestamp(run.started_at),
        "finishedDate": timestamp(run.finished_at),
        "found": run.found,
        "missing": run.missing,
        "putAside": run.put_aside,
        "recoveredGapSeconds": run.gap_seconds,
        "units": run.units,
        "receipt": _receipt(run),
        "error": run.error or None,
    }


def report_shown(report: PollReport) -> dict[str, Any]:
    return {
        "resource": report.resource,
        "status": report.status,
        "found": report.found,
        "created": report.created,
        "updated": report.updated,
        "deleted": report.deleted,
        "missing": report.missing,
        "putAside": report.put_aside,
        "events": list(report.events),
        "error": report.error or None,
        "recoveredGapSeconds": report.gap_seconds,
    }


def dry_runs_of(instance: ElementInstance, wanted: Wish) -> list[dict[str, Any]]:
    """Raises NothingPolledError."""
    runs = dry_run(instance, resource=wanted.resource, entry=wanted.entry)
    hindered = _hindrances(instance)
    return [{**report_shown(one.report), "dryRun": _dry_run(one, hindered)} for one in runs]


def _dry_run(run: DryRun, hindered: list[str]) -> dict[str, Any]:
    notes = list(hindered)
    if run.first and not run.changes:
        notes.append("this would be the first poll: it notes where it starts from, tells nothing")
    return {
        "firstPoll": run.first,
        "wouldSend": bool(run.notifications) and not hindered,
        "notes": notes,
        "changes": [
            {"objectId": one.object_id, "eventType": one.change_type}
            for one in run.changes[:OBJECTS_SHOWN]
        ],
        "missingObjects": list(run.missing[:OBJECTS_SHOWN]),
        "putAsideObjects": [
            {"objectId": one.object_id, "eventType": one.change_type, "error": one.error or None}
            for one in run.put_aside[:OBJECTS_SHOWN]
        ],
        "filteredObjects": [
            {"objectId": one.object_id, "rule": one.rule} for one in run.filtered[:OBJECTS_SHOWN]
        ],
        "listed": run.listed,
        "more": run.report.more,
        "notifications": run.notifications,
        "payloads": [json.loads(body) for body in run.bodies],
        "sample": None if run.sample is None else json.loads(run.sample),
    }


def _hindrances(instance: ElementInstance) -> list[str]:
    """What keeps the instance's events from being found or sent, in sentences."""
    notes = []
    if not instance.events_enabled:
        notes.append("events are off: set event.notification.enabled to true")
    elif instance.vendor_type != "polling":
        notes.append("the instance is not polled: what the provider tells by itself is sent")
    subscription = Subscription.objects.filter(instance=instance).first()
    if subscription is None or not subscription.url:
        notes.append(
            "events are recorded and sent nowhere: event.notification.callback.url is empty"
        )
    elif not subscription.active:
        notes.append("the subscription is deactivated: events are queued")
    return notes
