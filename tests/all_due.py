"""Does all work of a kind that is due, and returns: what a worker's loop does in its turns.

The engines remember nothing of turns before, so that their first look finds what a test has made
due by itself, without a wake-up.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Set
from contextlib import suppress

from asgiref.sync import async_to_sync
from django.conf import settings

from administration import errands
from bulk import tasks as bulk
from events import attempt
from events.claim import DueSubscriptions
from events.deliver import DeliveryEngine
from instances import tasks as instances
from polling import engine as polling
from polling.claim import ClaimedResource, DueOrganizations
from polling.poll import Outcome, Poller
from transport.asynchronous import open_session
from watching import tasks as watching
from worker.garbage import rare_collection


def poll_all_due(places: int | None = None) -> None:
    """Polls until nothing is due, `places` at a time (default POLL_CONCURRENCY)."""
    async_to_sync(_poll)(places or settings.POLL_CONCURRENCY)


def deliver_all_due(attempt_within: float = attempt.TIMEOUT) -> None:
    """Delivers until nothing is due. An attempt times out after `attempt_within` seconds."""
    async_to_sync(_deliver)(attempt_within)


def refresh_all_due() -> None:
    instances.refresh_all_due()


def clean_all_due() -> None:
    instances.clean_until(math.inf)


def keep_all_due() -> None:
    watching.keep_until(math.inf)


def run_all_jobs() -> None:
    bulk.run_until(math.inf)


def run_all_errands() -> None:
    errands.run_until(math.inf)


# --- The two engines that go on looking for work until their deadline ----------------------------


class AllPolls(polling.Engine):
    """Ends when nothing is due."""

    def __init__(self, poll: Callable[[ClaimedResource], Awaitable[Outcome]], places: int) -> None:
        super().__init__(poll, places, math.inf)
        self._organizations = DueOrganizations()
        self._nothing_due = False

    async def _claim_now(self, wanted: int) -> None:
        alone = not (self._waiting or self._in_flight or self._idle or self._storing)
        await super()._claim_now(wanted)
        self._nothing_due = alone and not (self._waiting or self._in_flight)
        self._next_claim_at = 0.0

    def _done(self) -> bool:
        return super()._done() or (self._nothing_due and self._quiet())


async def _poll(places: int) -> None:
    runner = vars(polling)["AsyncRunner"]  # from there, where tests put one that makes no pauses
    async with open_session(places * (1 + polling.MOST_SLOW)) as session:
        with rare_collection():
            await AllPolls(Poller(runner(session)).poll, places).run()


class NothingDueError(Exception):
    """A whole round of looks has found nothing, and nothing is under way."""


class AllDeliveries(DeliveryEngine):
    """Raises NothingDueError when nothing is due."""

    def __init__(self, sessions: attempt.Sessions, slots: int, timeout: float) -> None:
        super().__init__(sessions, slots, timeout)
        self._due_subscriptions = DueSubscriptions()

    async def _claim(self, passed_over: Set[int]) -> bool:
        found = await super()._claim(passed_over)
        if not found and self._traffic.empty:
            raise NothingDueError
        return found


async def _deliver(attempt_within: float) -> None:
    async with attempt.open_sessions() as sessions:
        engine = AllDeliveries(sessions, settings.DELIVERY_CONCURRENCY, attempt_within)
        with rare_collection(), suppress(NothingDueError):
            await engine.run(math.inf)
