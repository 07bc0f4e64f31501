"""The delivery engine: keeps attempts running side by side, without batches that wait for a last.

It claims due deliveries (claim.py), starts those that may start (traffic.py), sends them
(attempt.py), decides what follows (outcome.py) and stores that in batches (store.py). Database
work runs in the thread that called `async_to_sync`, never on the event loop.

Rule 1: what is in memory is expendable. An engine that dies leaves leases that end by themselves;
what it had sent and not stored is sent again under the same webhook id.
Rule 2: while outcomes cannot be stored nothing is claimed or sent. What has been sent is kept, from
turn to turn of this process, and stored before anything else is sent.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Set
from typing import ParamSpec, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import Error, connection
from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from events import attempt, breaker, counts, mail
from events.breaker import Word
from events.claim import Claimed, Due, DueSubscriptions, Endpoint, claim, claim_probes
from events.commit import Attempted, Pending, Released
from events.outcome import Answer, decide
from events.store import store
from events.traffic import SLOW_AFTER, Traffic
from worker import loops

IDLE_PAUSE = 0.2  # seconds between looks when nothing is due
BUSY_PAUSE = 0.02  # seconds between claims, so that each takes many
GATHERING = 0.03  # seconds that outcomes are gathered before they are stored together
LARGEST_BATCH = 500  # outcomes stored together
STOP_WITHIN = 3.0  # seconds that attempts may still take when the process is to stop
PAUSE_AFTER_LOST_DATABASE = 0.5  # seconds; doubles
STORE_WITHIN = 40.0  # seconds that a turn waits for a database that takes no outcomes
KEPT_FOR = 3600.0  # seconds that later turns try to store them
MOST_KEPT = 10_000  # outcomes
PATIENCE_WITH_A_LOCK = 20.0  # seconds that they are kept for a subscription that somebody changes
LOOK_AGAIN = 0.1  # seconds until it is tried again
MAX_HANGING = 10_000  # subscriptions that a process remembers to have hung

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger()
# Subscriptions of this process's turns whose last attempt failed, and took long to.
_hanging: set[int] = set()
# What earlier turns of this process know of who has something due.
_due_subscriptions = DueSubscriptions()
# What earlier turns of this process have sent and could not store, and since when.
_unstored: list[Attempted] = []
_unstored_since = 0.0


class DeliveryEngine:
    """Delivers what is due. One engine does one `run`.

    `sessions` come from attempt.open_sessions; `slots` is how many attempts run at once; `timeout`
    is an attempt's, in seconds.
    """

    def __init__(
        self, sessions: attempt.Sessions, slots: int, timeout: float = attempt.TIMEOUT
    ) -> None:
        self._sessions = sessions
        self._timeout = timeout
        self._traffic = Traffic(slots, timeout)
        self._attempts: set[asyncio.Task[None]] = set()
        self._attempted: list[Attempted] = []
        self._released: list[Released] = []
        self._pending_since: float | None = None  # since something stored has to be kept for later
        self._storing_fails = False
        self._writable = False  # as far as is known; found out before anything is claimed
        self._claim_pauses = trouble.pauses(PAUSE_AFTER_LOST_DATABASE)
        self._to_store = asyncio.Event()
        self._progress = asyncio.Event()
        self._start_is_due = False
        self._troubled: set[Endpoint] = set()  # servers that a breaker knows
        self._due_subscriptions = _due_subscriptions
        self._round_found = False  # whether this round of looks has brought anything

    async def run(self, deadline: float) -> None:
        """Delivers until `deadline` (monotonic).

        While attempts are slow to end, it goes on for the others for up to a time-out longer.
        """
        storing = asyncio.create_task(self._store_outcomes())
        try:
            await self._claim_until(deadline, storing)
            self._release(self._traffic.waiting())
            while self._attempts and not loops.stopping():
                await asyncio.wait(self._attempts, timeout=IDLE_PAUSE)
            if self._attempts:
                await asyncio.wait(self._attempts, timeout=STOP_WITHIN)
            while not (self._attempts or self._traffic.empty or storing.done()):
                await self._pause(IDLE_PAUSE)
        finally:
            storing.cancel()
            for task in self._attempts:
                task.cancel()
            await asyncio.gather(storing, *self._attempts, return_exceptions=True)
            _keep_unstored(self._attempted)
        if storing.done() and not storing.cancelled():
            storing.result()

    # --- Claiming --------------------------------------------------------------------------------

    async def _claim_until(self, deadline: float, storing: asyncio.Task[None]) -> None:
        began = time.monotonic()
        # What has hung is not tried when its end would have to be waited for. Who fails at once is.
        quiet = min(self._timeout, (deadline - began) / 4)
        while not storing.done() and not loops.stopping():
            now = time.monotonic()
            if now >= deadline:
                slow = self._traffic.slow(now)
                if not slow or now >= deadline + self._timeout:
                    return
            ends = now >= deadline - quiet
            found = await self._claim(passed_over=_hanging if ends else frozenset())
            self._release(self._traffic.stale(time.monotonic()))
            self._start()
            if found:
                await asyncio.sleep(BUSY_PAUSE)
            else:
                await self._pause(IDLE_PAUSE)
                await asyncio.sleep(BUSY_PAUSE)

    async def _claim(self, passed_over: Set[int]) -> bool:
        """Claims what there is room for. False when a whole round has brought nothing."""
        room = self._traffic.room(time.monotonic())
        if not room or self._storing_fails:
            return False
        try:
            if not self._writable:
                await _database(_store_unstored)
                await _database(trouble.require_space)
                self._writable = True
            if clock.is_stale():
                await _database(clock.measure)
            walk = await _database(self._due_subscriptions.look, timezone.now())
            self._troubled |= walk.troubled
            if walk.open:
                self._release(self._traffic.hold(walk.open))
            wanted = [one for one in walk.due if one.subscription_id not in passed_over]
            due = [one for one in wanted if not one.half_open]
            shares = self._traffic.shares(due, room)
            claimed_at = time.monotonic()
            since = {one.subscription_id: one.since for one in due}
            claimed = await _database(claim, timezone.now(), shares, room, since) if shares else []
            if len(due) < len(wanted):
                claimed += await self._claim_probes([one for one in wanted if one.half_open])
        except Error as error:
            self._writable = False
            await _lost_database(error, next(self._claim_pauses))
            return True
        self._claim_pauses = trouble.pauses(PAUSE_AFTER_LOST_DATABASE)
        self._traffic.add(claimed, claimed_at)
        self._round_found = self._round_found or bool(claimed)
        if walk.next_after:  # the round goes on
            return True
        found, self._round_found = self._round_found, False
        return found

    async def _claim_probes(self, due: list[Due]) -> list[Claimed]:
        """One delivery for each server whose breaker is half open, unless others try it."""
        of_endpoint: dict[Endpoint, list[int]] = {}
        for one in due:
            of_endpoint.setdefault(one.endpoint, []).append(one.subscription_id)
        won = await _database(breaker.take_probes, of_endpoint.keys(), timezone.now())
        chosen = [random.choice(of_endpoint[one]) for one in won]  # noqa: S311 - no secret
        return await _database(claim_probes, timezone.now(), chosen) if chosen else []

    async def _pause(self, seconds: float) -> None:
        """Waits until an attempt has ended or been stored, no longer than `seconds`."""
        self._progress.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._progress.wait()
        except TimeoutError:
            pass

    # --- Attempting ------------------------------------------------------------------------------

    def _start(self) -> None:
        self._start_is_due = False
        if self._storing_fails:
            return
        for delivery in self._traffic.start(time.monotonic()):
            if not delivery.active:  # turned off after this was written: queued, not sent
                self._traffic.give_back(delivery)
                self._release_one(delivery)
                continue
            task = asyncio.create_task(self._attempt(delivery))
            self._attempts.add(task)
            task.add_done_callback(self._attempts.discard)

    async def _attempt(self, delivery: Claimed) -> None:
        began = time.monotonic()
        started_at = timezone.now()
        try:
            if delivery.url.startswith(mail.SCHEME):
                answer = await mail.attempt(delivery, self._timeout)
            else:
                answer = await attempt.post(self._sessions, delivery, started_at, self._timeout)
        except Exception:  # a fault of ours must not stop the others, and is recorded on the row
            log.exception("delivery.fault", webhook_id=delivery.webhook_id)
            answer = Answer(
                None, "the notification could not be sent: a fault in Periodic", sent=False
            )
        ended_at = timezone.now()
        counts.ended(delivery, answer, started_at, ended_at)
        _note_hanging(
            delivery.subscription_id, delivered=answer.delivered, took=time.monotonic() - began
        )
        decision = decide(
            answer,
            failures=delivery.failures,
            first_failed_at=delivery.first_failed_at,
            policy=delivery.policy,
            now=ended_at,
            jitter=random.random(),  # noqa: S311 - no secret
        )
        self._attempted.append(
            Attempted(
                delivery_id=delivery.id,
                lease_id=delivery.lease_id,
                subscription_id=delivery.subscription_id,
                url=delivery.url,
                was_failing=delivery.failing,
                started_at=started_at,
                duration_ms=round((time.monotonic() - began) * 1000),
                answer=answer,
                decision=decision,
                ordered=delivery.ordered,
                word=self._word(delivery, answer),
            )
        )
        self._release(self._traffic.ended(delivery, delivered=answer.delivered))
        self._to_store.set()
        self._progress.set()
        if not self._start_is_due:  # one start for all that end in this turn of the event loop
            self._start_is_due = True
            asyncio.get_running_loop().call_soon(self._start)

    def _word(self, delivery: Claimed, answer: Answer) -> Word | None:
        """What the breaker is to know of it: failures, and the answer that ends them."""
        endpoint = delivery.endpoint
        if delivery.url.startswith(mail.SCHEME) or not answer.sent:
            return None
        if answer.down:
            self._troubled.add(endpoint)
        elif endpoint not in self._troubled:
            return None
        else:
            self._troubled.discard(endpoint)
        return Word(endpoint, answer.down, delivery.probe)

    def _release(self, deliveries: list[Claimed]) -> None:
        for delivery in deliveries:
            self._release_one(delivery)

    def _release_one(self, delivery: Claimed) -> None:
        self._released.append(Released(delivery.id, delivery.lease_id, delivery.subscription_id))
        self._to_store.set()

    # --- Storing ---------------------------------------------------------------------------------

    async def _store_outcomes(self) -> None:
        while True:
            await self._to_store.wait()
            if len(self._attempted) < LARGEST_BATCH:
                await asyncio.sleep(GATHERING)
            attempted, self._attempted = self._attempted, []
            released, self._released = self._released, []
            self._to_store.clear()
            kept = self._keep(await self._store(attempted, released))
            for one in (*attempted, *released):
                if one.delivery_id not in kept:
                    self._traffic.settled(one.subscription_id)
            self._progress.set()

    def _keep(self, pending: Pending) -> set[int]:
        """Keeps what belongs to a locked subscription for the next batch, yet not for ever.

        Returns the ids of the deliveries that are kept.
        What is given up is attempted again, under the same id, when its lease has ended.
        """
        if not (pending.attempted or pending.released):
            self._pending_since = None
            return set()
        now = time.monotonic()
        self._pending_since = self._pending_since or now
        if loops.stopping() or now - self._pending_since > PATIENCE_WITH_A_LOCK:
            log.warning("delivery.outcomes_given_up", count=len(pending.attempted))
            self._pending_since = None
            return set()
        self._attempted[:0] = pending.attempted
        self._released[:0] = pending.released
        asyncio.get_running_loop().call_later(LOOK_AGAIN, self._to_store.set)
        return {one.delivery_id for one in (*pending.attempted, *pending.released)}

    async def _store(self, attempted: list[Attempted], released: list[Released]) -> Pending:
        """Stores a batch, again and again while the database takes none; what is still left.

        Raises the database's error after STORE_WITHIN, which ends the turn.
        """
        give_up_at = time.monotonic() + STORE_WITHIN
        pauses = trouble.pauses(PAUSE_AFTER_LOST_DATABASE)
        while True:
            try:
                pending = await _database(store, attempted, released, timezone.now())
            except Error as error:
                self._storing_fails, self._writable = True, False
                if time.monotonic() > give_up_at or loops.stopping():
                    _keep_unstored(attempted)
                    raise
                await _lost_database(error, next(pauses))
            else:
                self._storing_fails = False
                return pending


def _note_hanging(subscription_id: int, *, delivered: bool, took: float) -> None:
    if delivered or took < SLOW_AFTER:
        _hanging.discard(subscription_id)
        return
    if len(_hanging) >= MAX_HANGING:
        _hanging.clear()
    _hanging.add(subscription_id)


async def _database(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    result = await sync_to_async(function)(*args, **kwargs)
    loops.worked()
    return result


async def _lost_database(error: Error, pause: float) -> None:
    """Waits for a database that cannot be used now. Raises what is about something else."""
    if not trouble.passes(error):
        raise error
    trouble.tell("delivery.database_unusable", error)
    await _database(_close_connection)
    await asyncio.sleep(pause)


def _close_connection() -> None:
    """The calling thread's own: `connection` is another one in each thread."""
    connection.close()


# --- From turn to turn ---------------------------------------------------------------------------


def _keep_unstored(attempted: list[Attempted]) -> None:
    """Keeps what was sent for the next turn. What is too much is sent again."""
    global _unstored_since
    if not _unstored:
        _unstored_since = time.monotonic()
    _unstored.extend(attempted)
    if (lost := len(_unstored) - MOST_KEPT) > 0:
        del _unstored[MOST_KEPT:]
        log.error("delivery.outcomes_lost", count=lost)


def _store_unstored() -> None:
    """Stores what earlier turns could not. Raises the database's errors."""
    if not _unstored:
        return
    if time.monotonic() - _unstored_since > KEPT_FOR:
        log.error("delivery.outcomes_lost", count=len(_unstored))
        _unstored.clear()
        return
    locked: list[Attempted] = []  # somebody is changing their subscriptions: the next turn's
    try:
        while batch := _unstored[:LARGEST_BATCH]:
            locked += store(batch, [], timezone.now()).attempted
            del _unstored[: len(batch)]
    finally:
        _unstored.extend(locked)
