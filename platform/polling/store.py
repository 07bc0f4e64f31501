"""Stores outcomes, those of many polls together. What cannot be stored is separated from them.

Rule 1: one that cannot be stored is a failed poll, visible and tried again, and takes no other
with it: a batch that fails is halved until it is alone. Where not even its failure can be stored,
it is dropped, and polled again when its lease has run out.
Rule 2: an outcome whose instance somebody is changing or deleting is tried again until
PATIENCE_WITH_A_LOCK has passed, and keeps no other waiting. In the end it is dropped, and polled
again when its lease has run out.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
from django.utils import timezone

from config.gathering import Gathering
from config.given_postgres import trouble
from polling import counts
from polling.commit import commit, commit_many
from polling.database import patiently
from polling.idle import commit_idle, commit_put_off, idle, off
from polling.poll import Failed, Outcome, PutOff, Succeeded
from polling.report import PollReport, dropped

GATHERING = 0.02  # seconds that outcomes are gathered before they are stored together
MAX_WEIGHT = 2_000  # of the outcomes stored in one transaction, unless one alone is heavier
WEIGHT = 10  # of an outcome; each object that it tells of adds 1
PATIENCE_WITH_A_LOCK = 30.0  # seconds
LOOK_AGAIN = 0.1  # seconds until an outcome is tried again

log = structlog.get_logger()

Changed = Succeeded | Failed


async def store(outcome: Outcome, *, keep_lease: bool = False) -> PollReport:
    """Stores one outcome by itself. Raises the errors of a lost database."""
    return await _insist(outcome, partial(_store_one, outcome, keep_lease=keep_lease))


class Batches:
    """Stores what polls have found; what gathers while one batch is stored is the next one."""

    def __init__(self) -> None:
        self._gathering = Gathering(store_many, pause=GATHERING, most=MAX_WEIGHT, weight=_weight)

    async def store(self, outcome: Changed) -> PollReport:
        """Returns once it is stored. Raises the errors of a lost database.

        Who is cancelled meanwhile has it stored by `end`.
        """
        return await _insist(outcome, partial(self._gathering.ask, outcome))

    async def end(self) -> None:
        """Stores what has gathered."""
        await self._gathering.end()


def _weight(outcome: Changed) -> int:
    if isinstance(outcome, Failed):
        return WEIGHT
    return WEIGHT + len(outcome.changes.changes) + len(outcome.changes.unfetched)


async def _insist(
    outcome: Outcome, attempt: Callable[[], Awaitable[PollReport | None]]
) -> PollReport:
    """Repeats `attempt` until it gives a report: rule 2."""
    give_up_at = time.monotonic() + PATIENCE_WITH_A_LOCK
    while (report := await attempt()) is None:
        if time.monotonic() > give_up_at:
            counts.ended([outcome], "dropped")
            return dropped(outcome.resource)
        await asyncio.sleep(LOOK_AGAIN)
    return report


async def store_many(outcomes: Sequence[Changed]) -> list[PollReport | None]:
    """Stores many in one transaction; in two, and so on, when something cannot be stored.

    A report is None where somebody is changing the instance.
    """
    if len(outcomes) == 1:
        return [await _store_one(outcomes[0])]
    try:
        reports = await patiently(commit_many, outcomes, timezone.now())
    except Exception as error:
        if trouble.passes(error):
            raise
        half = len(outcomes) // 2
        return [*await store_many(outcomes[:half]), *await store_many(outcomes[half:])]
    _count(outcomes, reports)
    return reports


async def _store_one(outcome: Outcome, *, keep_lease: bool = False) -> PollReport | None:
    try:
        report = await patiently(commit, outcome, timezone.now(), keep_lease=keep_lease)
    except Exception as error:
        if trouble.passes(error):
            raise
        log.exception("poll.not_stored", resource=outcome.resource.id)
        reason = f"what was found could not be stored: {type(error).__name__}"
        if isinstance(outcome, Succeeded):
            return await _store_one(Failed(outcome.resource, outcome.started_at, reason))
        report = PollReport(outcome.resource.name, "dropped", error=reason)
    _count([outcome], [report])
    return report


def _count(outcomes: Sequence[Outcome], reports: Sequence[PollReport | None]) -> None:
    ended: dict[str, list[Outcome]] = defaultdict(list)
    for outcome, report in zip(outcomes, reports, strict=True):
        if report is not None:
            ended[report.status].append(outcome)
    for status, polls in ended.items():
        counts.ended(polls, status)


async def store_idle(polls: Sequence[Succeeded | PutOff]) -> None:
    """Stores many at once; one by one when something in them cannot be stored."""
    now = timezone.now()
    put_off = [off(one, now) for one in polls if isinstance(one, PutOff)]
    if put_off:
        await patiently(commit_put_off, put_off)
        counts.ended([one for one in polls if isinstance(one, PutOff)], "waiting")
    idle_polls = [one for one in polls if isinstance(one, Succeeded)]
    if not idle_polls:
        return
    try:
        await patiently(commit_idle, [idle(done, now) for done in idle_polls])
        counts.ended(idle_polls, "idle")
    except Exception as error:
        if trouble.passes(error):
            raise
        for done in idle_polls:
            await store(done)
