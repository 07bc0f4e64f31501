"""Polls one instance at once, while its caller waits; the same path as the worker's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

import structlog
from asgiref.sync import async_to_sync
from django.utils import timezone

from instances.models import ElementInstance
from polling import claim
from polling.claim import ClaimedResource, PollRunningError
from polling.database import patiently
from polling.models import PollingResource
from polling.poll import Poller
from polling.report import PollReport
from polling.store import store
from transport import waiting
from transport.asynchronous import AsyncRunner, open_session
from worker import wakeups

LONGEST_WAIT = 10.0  # seconds for a poll that is running
LONGEST_POLL = 20.0  # seconds for ours, all chunks of a large find together
LONGEST_START = 10.0  # seconds
CONNECTIONS = 10
LOOK_AGAIN = 0.05  # seconds

log = structlog.get_logger()


class NothingPolledError(Exception):
    """The instance has no resource that is polled. The message says why."""


def poll_now(
    instance: ElementInstance, *, resource: str | None = None, wait: float = LONGEST_WAIT
) -> list[PollReport]:
    """Polls the instance's resources, or the one that is named, whether due or not.

    Chunks of a large find are polled one after another until all is in. Waits up to `wait`
    seconds for a poll that is running. Raises NothingPolledError, and PollRunningError.
    """
    waiting.begin()
    reports = async_to_sync(_poll_instance)(instance.pk, resource, False, wait, LONGEST_POLL)
    if not reports:
        raise NothingPolledError(why_nothing(instance, resource))
    return [_explained(report, instance) for report in reports]


def start_new(instance_id: int) -> list[PollReport]:
    """Starts the resources that have no cursor yet, so that no later change is missed.

    Raises nothing: what doesn't start here is due, and the worker starts it.
    """
    if not waiting.may_begin():
        return []
    try:
        return async_to_sync(_poll_instance)(instance_id, None, True, LONGEST_WAIT, LONGEST_START)
    except PollRunningError:
        log.info("poll.starting_elsewhere", instance=instance_id)
    except Exception:  # the caller's own work is done and committed
        log.exception("poll.start_failed", instance=instance_id)
    return []


async def _poll_instance(
    instance_id: int, resource: str | None, only_new: bool, wait: float, longest: float
) -> list[PollReport]:
    began = timezone.now()
    claimed = await _claim(instance_id, resource, only_new, wait)
    if not claimed:
        return []
    deadline = asyncio.get_running_loop().time() + longest
    async with open_session(CONNECTIONS) as session:
        poller = Poller(AsyncRunner(session))
        reports = await asyncio.gather(*(_poll_whole(poller, one, deadline) for one in claimed))
    # No engine knows when they are due next.
    await patiently(wakeups.wake, wakeups.POLLS, {one.organization_id for one in claimed}, began)
    return reports


async def _claim(
    instance_id: int, resource: str | None, only_new: bool, wait: float
) -> Sequence[ClaimedResource]:
    give_up_at = time.monotonic() + wait
    while True:
        try:
            return await patiently(
                claim.claim_instance, instance_id, timezone.now(), name=resource, only_new=only_new
            )
        except PollRunningError:
            if time.monotonic() >= give_up_at:
                raise
            await asyncio.sleep(LOOK_AGAIN)


async def _poll_whole(poller: Poller, resource: ClaimedResource, deadline: float) -> PollReport:
    """Polls until nothing but failing objects is left, or until the deadline; what is left then
    is due at once."""
    whole: PollReport | None = None
    held: ClaimedResource | None = resource
    try:
        while held is not None:
            async with asyncio.timeout_at(deadline):
                outcome = await poller.poll(held)
            report = await store(outcome, keep_lease=True)
            whole = report if whole is None else _sum(whole, report)
            if not report.more:
                return whole
            held = await patiently(claim.hold, held, timezone.now())
    except TimeoutError:
        if held is not None:
            await patiently(claim.release, [held])
    return whole or PollReport(resource.name, "failed", error="the provider has not answered yet")


def _sum(whole: PollReport, part: PollReport) -> PollReport:
    """The report of several polls as of one: counts add up, the last word is on what is left."""
    return replace(
        part,
        status=whole.status if part.status == "idle" else part.status,
        created=whole.created + part.created,
        updated=whole.updated + part.updated,
        deleted=whole.deleted + part.deleted,
        missing=whole.missing + part.missing,
        events=whole.events + part.events,
        gap_seconds=whole.gap_seconds if part.gap_seconds is None else part.gap_seconds,
    )


def _explained(report: PollReport, instance: ElementInstance) -> PollReport:
    """A poll that lost the grant was dropped, for its row was stopped: the row says why."""
    if report.status != "dropped":
        return report
    stopped = PollingResource.objects.filter(instance=instance, name=report.resource, active=False)
    reason = stopped.values_list("error", flat=True).first()
    return replace(report, status="failed", error=reason) if reason else report


def why_nothing(instance: ElementInstance, resource: str | None) -> str:
    """Why nothing of the instance, or not this resource of it, can be polled."""
    if not instance.events_enabled:
        return "events are off: set event.notification.enabled to true"
    if not instance.enabled:
        return "the instance is disabled"
    if not instance.valid:
        return "the account must be connected again before it can be polled"
    names = PollingResource.objects.filter(instance=instance, active=True).values_list(
        "name", flat=True
    )
    polled = ", ".join(sorted(names)) or "none"
    return f"{resource or 'no resource'} is not polled on this instance; polled: {polled}"
