"""Works on the jobs that are due, several side by side, until told to stop.

Rule 1: a job works for a turn and then waits behind the others that are due, so a large one keeps
nobody waiting; nor do slow ones, for no organization has more than half of the places.
Rule 2: what is claimed is given back, at once when the process is to stop; what dies with the
process comes back when its lease runs out.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import datetime

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error
from django.utils import timezone

from bulk import claim, commit, fetch
from bulk.fetch import SIDE_BY_SIDE, Source, UnusableError, Waiting, source_for
from bulk.models import BulkJob, BulkObject, JobStatus
from ceql import WhereError
from config import clock
from config.given_postgres import trouble
from elements.calls import Call
from elements.errors import ElementNotFound, ParameterError
from encryption.keys import UnsealError
from instances import configuration as keys
from instances.models import ElementInstance
from instances.session import account_of
from quota.meter import SHARE_OF_BULK
from transport.asynchronous import AsyncRunner, open_session
from transport.errors import GrantLost, TransportError
from transport.shares import on_behalf_of
from worker import loops
from worker.garbage import rare_collection

TURN = 5.0  # seconds
TICK = 0.05  # seconds between two looks at what is to be claimed
NOTHING_DUE_PAUSE = 0.2  # seconds until jobs are looked for again
RENEW_AFTER = 20.0  # seconds; a lease lasts 60
LATEST_END = 70.0  # seconds after the deadline at which the last jobs are given back
STOP_WITHIN = 3.0  # seconds that a step may still take when the process is to stop

log = structlog.get_logger(__name__)


async def run_until(deadline: float) -> bool:
    """Works until `deadline` (time.monotonic()) or until nothing is due; whether more may be.

    Steps that have begun are ended, which takes at most LATEST_END more. Raises the database's
    error when it cannot be used.
    """
    places: int = settings.BULK_CONCURRENCY
    async with open_session(places * SIDE_BY_SIDE) as session:
        with rare_collection():
            return await Engine(AsyncRunner(session), places, deadline).run()


class Engine:
    def __init__(self, runner: AsyncRunner, places: int, deadline: float) -> None:
        self._runner = runner
        self._places = places
        self._deadline = deadline
        self._nothing_due = False
        self._latest_end = self._deadline + LATEST_END
        self._stopping = False
        self._in_hand: dict[asyncio.Task[None], BulkJob] = {}
        self._next_claim_at = 0.0
        self._renewed_at = time.monotonic()
        self._fault: BaseException | None = None

    async def run(self) -> bool:
        """Whether the deadline came before there was nothing more to do."""
        await sync_to_async(trouble.require_space)()
        try:
            while True:
                self._heed_stop()
                await self._claim()
                if self._fault is not None:
                    raise self._fault
                if self._resting():
                    return False
                if self._done():
                    return True
                if self._in_hand:
                    await asyncio.wait(
                        self._in_hand, timeout=TICK, return_when=asyncio.FIRST_COMPLETED
                    )
                else:
                    await asyncio.sleep(TICK)
                await self._renew()
        finally:
            await self._give_back()

    def _heed_stop(self) -> None:
        if loops.stopping() and not self._stopping:
            self._stopping = True
            self._deadline = time.monotonic()
            self._latest_end = self._deadline + STOP_WITHIN

    def _closing(self) -> bool:
        return time.monotonic() >= self._deadline

    def _resting(self) -> bool:
        """Whether nothing is due."""
        return self._nothing_due and not self._in_hand

    def _done(self) -> bool:
        now = time.monotonic()
        return self._closing() and (not self._in_hand or now >= self._latest_end)

    async def _claim(self) -> None:
        free = self._places - len(self._in_hand)
        if not free or self._closing() or time.monotonic() < self._next_claim_at:
            return
        if clock.is_stale():
            await sync_to_async(clock.measure)()
        held = Counter(job.organization_id for job in self._in_hand.values())
        half = max(1, self._places // 2)
        jobs = await sync_to_async(claim.claim_due)(
            free,
            timezone.now(),
            left_out=[id_ for id_, count in held.items() if count >= half],
            largest_share=max(1, half - max(held.values(), default=0)),
        )
        loops.worked()
        for job in jobs:
            task = asyncio.create_task(self._turn(job))
            self._in_hand[task] = job
            task.add_done_callback(self._ended)
        self._nothing_due = not jobs
        if not jobs:
            self._next_claim_at = time.monotonic() + NOTHING_DUE_PAUSE

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_hand.pop(task, None)
        self._nothing_due = False  # its job may be due again
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fault = self._fault or error

    async def _renew(self) -> None:
        if time.monotonic() - self._renewed_at >= RENEW_AFTER:
            self._renewed_at = time.monotonic()
            await sync_to_async(claim.JOBS.renew)([*self._in_hand.values()], timezone.now())

    async def _give_back(self) -> None:
        tasks, jobs = [*self._in_hand], [*self._in_hand.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if jobs and not isinstance(self._fault, Error):
            await sync_to_async(claim.JOBS.release)(jobs)

    # --- One job ---------------------------------------------------------------------------------

    async def _turn(self, job: BulkJob) -> None:
        """Steps of one job, each stored. Raises nothing but the errors of a lost database."""
        ends_at = time.monotonic() + TURN
        try:
            source = await sync_to_async(load)(job)
            left: BulkJob | None = job
            while left is not None:
                with on_behalf_of(job.organization_id):
                    step = await self._step(left, source)
                left = await sync_to_async(commit.store)(left, step, timezone.now())
                if left is not None and (time.monotonic() >= ends_at or self._closing()):
                    await sync_to_async(commit.hand_back)(left, timezone.now())
                    return
        except Exception as error:
            if trouble.passes(error):
                raise
            # One job must not stop the others.
            await self._fail(job, error)

    async def _step(self, job: BulkJob, source: Source) -> commit.Step:
        if not job.listed:
            return await source.page(self._runner, job)
        waiting = await sync_to_async(_waiting)(job)
        if not waiting:
            return commit.Step()
        return await source.batch(self._runner, job, waiting)

    async def _fail(self, job: BulkJob, error: Exception) -> None:
        expected = (UnusableError, GrantLost, ElementNotFound, ParameterError, WhereError)
        if isinstance(error, expected):
            reason = str(error)
        elif isinstance(error, TransportError):
            setback = commit.Step(setback=commit.Setback(str(error) or type(error).__name__))
            await sync_to_async(commit.store)(job, setback, timezone.now())
            return
        elif isinstance(error, UnsealError):
            log.error("bulk.token_sealed", job=job.pk)
            reason = "the stored access token cannot be decrypted"
        else:
            log.error("bulk.failed", job=job.pk, exc_info=error)
            reason = f"the job failed: {type(error).__name__}"
        await sync_to_async(_end)(job, reason, timezone.now())


def load(job: BulkJob) -> Source:
    """What the job reads, as the instance is now. Raises UnusableError and others' errors."""
    instance = (
        ElementInstance.objects.select_related("user__account").filter(pk=job.instance_id).first()
    )
    if instance is None:
        raise UnusableError("the element instance was deleted")
    if not instance.enabled:
        raise UnusableError("the element instance is disabled")
    if not instance.user.has_access:
        raise UnusableError("the user who connected this account is deactivated")
    element = keys.element_of(instance)
    resource = element.resource(job.resource)
    if resource is None:
        raise UnusableError(f"{element.name} has no resource {job.resource}")
    call = Call(keys.effective(instance), query=job.parameters)
    account = account_of(instance, share=SHARE_OF_BULK)
    return source_for(element, resource, call=call, account=account, where=job.where)


def _waiting(job: BulkJob) -> list[Waiting]:
    rows = BulkObject.objects.filter(job=job).order_by("attempts", "id")[: fetch.BATCH]
    return [Waiting(row.object_id, row.attempts) for row in rows]


def _end(job: BulkJob, reason: str, now: datetime) -> None:
    commit.end(job, JobStatus.ERROR, reason, now)
