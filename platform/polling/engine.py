"""Polls what is due, many at once, until told to stop.

Rule 1: nobody waits for anybody: a poll that ends makes room for the next at once. One that takes
long gives its place up and goes on beside the others.
Rule 2: what is claimed and not polled is given back, at once when the process is to stop; what
dies with the process comes back when its lease runs out. What could be neither stored nor given
back, since the database was away, the next turn of this process gives back before it claims.
Rule 3: polls are stored many at once: in one statement those that find nothing, or wait for units
of the provider's quota, the others in one transaction (polling.store).
Rule 4: while outcomes cannot be stored nothing is claimed or polled, and nothing again before
PostgreSQL has room for them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import Error
from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from polling import claim, database
from polling.claim import ClaimedResource
from polling.database import patiently
from polling.poll import Outcome, Poller, PutOff, Succeeded
from polling.store import Batches, store_idle
from transport.asynchronous import AsyncRunner, open_session
from worker import loops
from worker.garbage import rare_collection

LARGEST_CLAIM = 1000  # rows
AHEAD = 2  # claimed and waiting for a place, as a multiple of the places
TICK = 0.01  # seconds between two looks at what is to be claimed and stored
QUIET_TICK = 0.1  # seconds, while nothing is in flight
NOTHING_DUE_PAUSE = 0.2  # seconds until rows are looked for again
IDLE_BATCH = 500  # idle polls stored in one statement, or what has gathered after IDLE_WAIT
IDLE_WAIT = 0.05  # seconds
SLOW = 2.0  # seconds after which a poll gives its place up
MOST_SLOW = 4  # slow polls beside the quick ones, as a multiple of the places
CHECK_EVERY = 0.5  # seconds between two looks at what is in flight
RENEW_AFTER = 20.0  # seconds; a lease lasts 60
LATEST_END = 70.0  # seconds after the deadline at which the last polls are given back
STOP_WITHIN = 3.0  # seconds that polls may still take when the process is to stop

log = structlog.get_logger()
# What earlier turns of this process know of who has something due.
_organizations = claim.DueOrganizations()
# What earlier turns of this process still have leases on.
_not_given_back: list[ClaimedResource] = []


async def poll_until(deadline: float) -> None:
    """Polls what falls due until `deadline` (time.monotonic()), then ends what it has begun.

    That takes at most LATEST_END more. Raises the database's error when it stays away.
    """
    places: int = settings.POLL_CONCURRENCY
    async with open_session(places * (1 + MOST_SLOW)) as session:
        with rare_collection():
            await Engine(Poller(AsyncRunner(session)).poll, places, deadline).run()


@dataclass(slots=True, eq=False)
class Held:
    """A claimed resource in our hands. Times are on the monotonic clock."""

    resource: ClaimedResource
    leased_at: float
    started_at: float = 0.0
    slow: bool = False


class Engine:
    """One run: `poll` is called for each resource, `places` at a time."""

    def __init__(
        self,
        poll: Callable[[ClaimedResource], Awaitable[Outcome]],
        places: int,
        deadline: float,
    ) -> None:
        self._poll = poll
        self._places = places
        self._deadline = deadline
        self._latest_end = deadline + LATEST_END
        self._stopping = False
        self._waiting: deque[Held] = deque()
        self._in_flight: dict[asyncio.Task[None], Held] = {}
        self._slow = 0
        self._organizations = _organizations
        self._stored_of: set[int] = set()  # since the last claim
        self._changed = Batches()
        self._idle: list[Succeeded | PutOff] = []
        self._idle_since = 0.0
        self._storing: asyncio.Task[None] | None = None
        self._unstored: list[ClaimedResource] = []  # polled, and the database took no outcome
        self._claiming: asyncio.Task[None] | None = None
        self._next_claim_at = 0.0
        self._next_check_at = 0.0
        self._writable = False  # as far as is known
        self._fault: BaseException | None = None

    async def run(self) -> None:
        try:
            while not self._done():
                self._heed_stop()
                self._claim()
                self._store_idle()
                if time.monotonic() >= self._next_check_at:
                    await self._check()
                await asyncio.sleep(QUIET_TICK if self._quiet() else TICK)
                if self._fault is not None:
                    raise self._fault
        finally:
            await self._give_back()

    def _heed_stop(self) -> None:
        """Brings the end near once the worker is told to stop."""
        if loops.stopping() and not self._stopping:
            self._stopping = True
            self._deadline = time.monotonic()
            self._latest_end = self._deadline + STOP_WITHIN

    def _quiet(self) -> bool:
        """Whether nothing is in our hands."""
        return not (
            self._waiting or self._in_flight or self._idle or self._storing or self._claiming
        )

    def _done(self) -> bool:
        now = time.monotonic()
        return now >= self._deadline and (self._quiet() or now >= self._latest_end)

    # --- Claiming --------------------------------------------------------------------------------

    def _claim(self) -> None:
        """Claims ahead of need, while others are polled."""
        if database.is_away():
            self._writable = False
            return
        free = self._places - self._quick()
        wanted = min(free + AHEAD * self._places - len(self._waiting), LARGEST_CLAIM)
        if (
            self._claiming is not None
            or len(self._waiting) >= self._places
            or len(self._in_flight) >= self._places * (1 + MOST_SLOW)
            or time.monotonic() < self._next_claim_at
            or self._closing()
        ):
            return
        self._claiming = asyncio.create_task(self._claim_now(wanted))
        self._claiming.add_done_callback(self._claimed)

    def _quick(self) -> int:
        return len(self._in_flight) - self._slow

    def _closing(self) -> bool:
        """Past the deadline nothing is claimed, but while slow polls keep us here anyway."""
        past = time.monotonic() >= self._deadline
        return past and (self._slow == 0 or self._stopping)

    async def _claim_now(self, wanted: int) -> None:
        if clock.is_stale():
            await patiently(clock.measure)
        if not self._writable:
            await patiently(trouble.require_space)
            await patiently(_give_back_earlier)
            self._writable = True
        at = timezone.now()
        while self._stored_of:
            self._organizations.expect(self._stored_of.pop(), at)
        resources = await patiently(
            claim.claim_due,
            wanted,
            at,
            left_out=self._left_out(),
            among=self._organizations,
        )
        now = time.monotonic()
        self._waiting.extend(Held(resource, now) for resource in resources)
        if not resources:
            self._next_claim_at = now + NOTHING_DUE_PAUSE
        self._start()

    def _claimed(self, task: asyncio.Task[None]) -> None:
        self._claiming = None
        self._note(task)

    def _left_out(self) -> list[int]:
        """Organizations whose slow polls take half of the room there is for slow ones."""
        most = self._places * MOST_SLOW // 2
        if self._slow < most:
            return []
        slow = Counter(
            held.resource.organization_id for held in self._in_flight.values() if held.slow
        )
        return [organization for organization, count in slow.items() if count >= most]

    # --- Polling ---------------------------------------------------------------------------------

    def _start(self) -> None:
        """Gives free places to who waits."""
        most = self._places * (1 + MOST_SLOW)
        while (
            self._waiting
            and self._quick() < self._places
            and len(self._in_flight) < most
            and not database.is_away()
        ):
            held = self._waiting.popleft()
            held.started_at = time.monotonic()
            task = asyncio.create_task(self._poll_and_store(held.resource))
            self._in_flight[task] = held
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        held = self._in_flight.pop(task, None)
        if held is not None:
            self._slow -= held.slow
        self._note(task)
        if held is not None and self._fault is not None:
            self._unstored.append(held.resource)
        self._start()

    async def _poll_and_store(self, resource: ClaimedResource) -> None:
        """Nothing but a lost database is everybody's matter: what else fails here is dropped, and
        polled again when its lease has run out."""
        try:
            await self._store(await self._poll(resource))
        except Exception as error:
            if trouble.passes(error):
                raise
            log.exception("poll.dropped", resource=resource.id)

    async def _store(self, outcome: Outcome) -> None:
        if isinstance(outcome, PutOff) or (isinstance(outcome, Succeeded) and outcome.idle):
            if not self._idle:
                self._idle_since = time.monotonic()
            self._idle.append(outcome)
        else:
            await self._changed.store(outcome)
            self._stored_of.add(outcome.resource.organization_id)

    def _store_idle(self) -> None:
        if self._storing is not None or not self._idle:
            return
        if (
            len(self._idle) >= IDLE_BATCH
            or not self._in_flight
            or time.monotonic() - self._idle_since >= IDLE_WAIT
        ):
            batch, self._idle = self._idle, []
            self._idle_since = time.monotonic()
            self._storing = asyncio.create_task(self._store_batch(batch))
            self._storing.add_done_callback(self._stored)

    async def _store_batch(self, batch: list[Succeeded | PutOff]) -> None:
        try:
            await store_idle(batch)
        except Error:
            self._unstored += [one.resource for one in batch]
            raise
        self._stored_of.update(one.resource.organization_id for one in batch)

    def _stored(self, task: asyncio.Task[None]) -> None:
        self._storing = None
        self._note(task)

    def _note(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fault = self._fault or error

    # --- What takes long -------------------------------------------------------------------------

    async def _check(self) -> None:
        """Slow polls give their places up; leases that grow old are renewed."""
        now = time.monotonic()
        self._next_check_at = now + CHECK_EVERY
        for held in self._in_flight.values():
            if not held.slow and now - held.started_at >= SLOW:
                held.slow = True
                self._slow += 1
        self._start()
        old = [
            held
            for held in (*self._in_flight.values(), *self._waiting)
            if now - held.leased_at >= RENEW_AFTER
        ]
        if old:
            await patiently(claim.renew, [held.resource for held in old], timezone.now())
            for held in old:
                held.leased_at = now

    async def _give_back(self) -> None:
        """Ends what is still in flight, stores what is known, and returns the other rows."""
        unpolled = [held.resource for held in (*self._in_flight.values(), *self._waiting)]
        self._waiting.clear()
        self._places = 0  # nothing starts any more
        tasks = [*self._in_flight]
        for task in tasks:
            task.cancel()
        ending = [task for task in (*tasks, self._storing, self._claiming) if task is not None]
        await asyncio.gather(*ending, self._changed.end(), return_exceptions=True)
        unpolled += [held.resource for held in self._waiting]  # of a claim that was under way
        unpolled += self._unstored
        if isinstance(self._fault, Error):  # was waited for already
            _not_given_back.extend((*unpolled, *(one.resource for one in self._idle)))
            return
        try:
            if self._idle:
                await self._store_batch(self._idle)
            await patiently(claim.release, unpolled)
        except Error:
            _not_given_back.extend((*unpolled, *self._unstored))
            raise


def _give_back_earlier() -> None:
    """Give back what earlier turns could not. Raises the database's errors.

    Who has a row by now has it under another lease, and keeps it.
    """
    claim.release(_not_given_back)
    _not_given_back.clear()
