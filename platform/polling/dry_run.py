"""What a poll would find now, and what would be sent of it. Nothing is stored.

Rule 1: it is the engine's own poll (poll.Poller), and what is news is decided where a commit does
(seen.news): there is nothing here that could find otherwise.
Rule 2: nothing is claimed, so that polls go on beside it, and nothing of it can be stored: its
lease is nobody's.
Rule 3: an access token that the provider rejects is renewed, as it would be by anybody. Where
that fails, nothing is kept of it: a grant is lost by a poll that counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from elements import listing, snapshot
from elements.calls import Change, Filtered, PollerEntry, Unfetched
from events.changes import unrecorded
from instances.credential import CredentialAuthorizer
from instances.models import ElementInstance
from polling import claim, poll_now, seen
from polling.claim import ClaimedResource
from polling.models import PollingResource
from polling.poll import Outcome, Poller, Succeeded
from polling.put_aside import PutAside, Waiting, waiting
from polling.report import PollReport, report_of
from polling.schedule import lists_otherwise, stored_entry
from transport.asynchronous import AsyncKnown, AsyncRunner, Reached, open_session
from transport.types import Account, Steps
from transport.waiting import begin

T = TypeVar("T")
EVENT_ID = 0  # stands for the ids that events would be given
MOST_PAYLOADS = 3
LARGEST_PAYLOADS = 1_000_000  # bytes together
MOST_OF_A_SAMPLE = 2_000  # records of a listing that is read again for a sample


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one poll would come to. `report` counts, as of a poll that was stored.

    `first` says that it would be the first one, which tells nothing. `listed` is how many records
    there are, where that poll takes the picture of them, and `sample` what an event of the first
    of them would look like if they were created later. `bodies` are the first MOST_PAYLOADS of
    the `notifications` that would be recorded.
    """

    report: PollReport
    first: bool
    changes: Sequence[Change] = ()
    missing: Sequence[str] = ()
    put_aside: Sequence[Unfetched] = ()
    filtered: Sequence[Filtered] = ()
    listed: int | None = None
    notifications: int = 0
    bodies: Sequence[str] = ()
    sample: str | None = None


def dry_run(
    instance: ElementInstance, *, resource: str | None = None, entry: PollerEntry | None = None
) -> list[DryRun]:
    """Looks at the resources that the instance is configured with, polled or not, or at one.

    `entry` stands in the place of the stored one, as if it had been saved. Raises
    NothingPolledError with the reason.
    """
    now = timezone.now()
    rows = _rows(instance, resource, entry, now)
    refused = _refused(instance, resource, rows)
    if refused:
        raise poll_now.NothingPolledError(refused)
    held = [one for one in map(claim.look_at, rows) if one is not None]
    begin()
    return async_to_sync(_look)(instance, held, now)


def _rows(
    instance: ElementInstance, name: str | None, entry: PollerEntry | None, now: datetime
) -> list[PollingResource]:
    rows = PollingResource.objects.filter(instance=instance).order_by("name")
    if name is not None:
        rows = rows.filter(name=name)
    if entry is None:
        return list(rows)
    polled = stored_entry(entry)
    row = rows.filter(name=entry.name).first()
    if row is None or (row.configuration != polled and lists_otherwise(row, polled, instance)):
        row = PollingResource(
            organization_id=instance.organization_id,
            instance=instance,
            name=entry.name,
            interval=instance.refresh_interval * 60,
            next_poll_at=now,
            created_at=now,
        )
    row.configuration = polled
    return [row]


def _refused(
    instance: ElementInstance, name: str | None, rows: Sequence[PollingResource]
) -> str | None:
    if not instance.enabled:
        return "the instance is disabled"
    if not instance.valid:
        return "the account must be connected again before it can be polled"
    if not rows:
        return (
            f"{name or 'no resource'} is not in event.poller.configuration: send its entry as "
            '{"resource": …, "configuration": {"url": …, "idField": …}} to try it'
        )
    return None


async def _look(
    instance: ElementInstance, held: Sequence[ClaimedResource], now: datetime
) -> list[DryRun]:
    deadline = asyncio.get_running_loop().time() + poll_now.LONGEST_POLL
    async with open_session(poll_now.CONNECTIONS) as session:
        poller = Poller(RunnerWithoutTraces(session))
        outcomes = await asyncio.gather(*(_poll(poller, one, deadline) for one in held))
    return [
        await sync_to_async(_found)(instance, resource, outcome, sample, now)
        for resource, (outcome, sample) in zip(held, outcomes, strict=True)
    ]


async def _poll(
    poller: Poller, resource: ClaimedResource, deadline: float
) -> tuple[Outcome | None, Outcome | None]:
    """What the poll came to, and of a listing's first one what a later poll would tell if
    everything in it were new."""
    outcome = sample = None
    try:
        async with asyncio.timeout_at(deadline):
            outcome = await poller.poll(resource)
            if isinstance(outcome, Succeeded) and _is_sampled(outcome):
                scope = outcome.changes.cursor.partition(".")[0]
                later = resource._replace(id=claim.NO_ROW, cursor=f"{scope}.{snapshot.UNTOLD}")
                sample = await poller.poll(later)
    except TimeoutError:
        pass
    return outcome, sample


def _is_sampled(outcome: Succeeded) -> bool:
    """Not where records have to be read one by one: that is dear."""
    picture = outcome.changes.picture
    return (
        picture is not None
        and 0 < len(picture) <= MOST_OF_A_SAMPLE
        and set(picture.values()) != {listing.LISTED}
    )


def _found(
    instance: ElementInstance,
    resource: ClaimedResource,
    outcome: Outcome | None,
    sample: Outcome | None,
    now: datetime,
) -> DryRun:
    first = resource.cursor is None
    if not isinstance(outcome, Succeeded):
        error = "the provider has not answered yet" if outcome is None else outcome.error
        return DryRun(PollReport(resource.name, "failed", error=error), first)
    found = outcome.changes
    rows = PutAside(resource.id, outcome.asked, found)
    known = seen.known_of({resource.id: [change.object_id for change in found.changes]})
    news = seen.news(found.changes, known[resource.id], rows.created)
    before = waiting(resource.id, now)
    count = 0 if found.picture is not None else before.count + rows.gained
    due_now = any(not one.error and one.retry_after is None for one in found.unfetched)
    report = report_of(outcome, news, Waiting(count, before.due_at, due_now))
    drafts = unrecorded(instance, resource.name, news, now, event_id=EVENT_ID)
    return DryRun(
        report,
        first,
        changes=news,
        missing=found.missing,
        put_aside=found.unfetched,
        filtered=found.filtered,
        listed=None if found.picture is None else len(found.picture),
        notifications=len(drafts),
        bodies=_small_enough([draft() for draft in drafts[:MOST_PAYLOADS]]),
        sample=_sample(instance, resource, sample, now),
    )


def _sample(
    instance: ElementInstance, resource: ClaimedResource, outcome: Outcome | None, now: datetime
) -> str | None:
    if not isinstance(outcome, Succeeded) or not outcome.changes.changes:
        return None
    first = outcome.changes.changes[:1]
    drafts = unrecorded(instance, resource.name, first, now, event_id=EVENT_ID)
    bodies = _small_enough([draft() for draft in drafts])
    return bodies[0] if bodies else None


def _small_enough(bodies: Sequence[str]) -> list[str]:
    room = LARGEST_PAYLOADS
    taken = []
    for body in bodies:
        room -= len(body.encode())
        if room < 0:
            break
        taken.append(body)
    return taken


# --- Without traces ------------------------------------------------------------------------------


class RunnerWithoutTraces(AsyncRunner):
    """A runner whose failed token renewals leave nothing behind."""

    async def run(
        self,
        steps: Steps[T],
        account: Account,
        *,
        known: AsyncKnown | None = None,
        reached: Reached | None = None,
    ) -> T:
        if isinstance(account.authorizer, CredentialAuthorizer):
            account = replace(account, authorizer=account.authorizer.without_notes())
        return await super().run(steps, account, known=known, reached=reached)
