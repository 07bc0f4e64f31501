"""What the API and the pages show of an instance's polling: its state, and what polls came to."""

from __future__ import annotations

from typing import Any

from api.timestamp import timestamp
from instances import scopes
from instances.models import ElementInstance
from polling.models import PollingResource, PollRun, PutAsideObject

RUNS_SHOWN = 50
PUT_ASIDE_SHOWN = 100  # of each resource


def polling_of(instance: ElementInstance) -> dict[str, Any]:
    """`resources` with their put-aside objects, and the latest `runs`, newest first.

    Idle polls write no run: `lastPolledDate` tells of them.
    """
    resources = list(PollingResource.objects.filter(instance=instance).order_by("name"))
    runs = PollRun.objects.filter(resource__in=resources).select_related("resource")
    return {
        "resources": [_resource(resource, instance) for resource in resources],
        "runs": [run_shown(run) for run in runs.order_by("-started_at", "-pk")[:RUNS_SHOWN]],
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


def _resource(resource: PollingResource, instance: ElementInstance) -> dict[str, Any]:
    put_aside = PutAsideObject.objects.filter(resource=resource)
    body = {
        "resource": resource.name,
        "active": resource.active,
        "lastPolledDate": timestamp(resource.last_polled_at),
        "lastSuccessDate": timestamp(resource.last_success_at),
        "nextPollDate": timestamp(resource.next_poll_at) if resource.active else None,
        "failures": resource.failures,
        "error": resource.error or None,
        "putAside": [put_aside_shown(one) for one in put_aside.order_by("pk")[:PUT_ASIDE_SHOWN]],
    }
    if needed := scopes.needed_to_read(instance, resource.name):
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
        "error": run.error or None,
    }
