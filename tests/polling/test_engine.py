"""Many polls side by side: nobody waits for anybody, and what is not polled is given back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError
from django.utils import timezone

from elements.calls import Changes
from polling import claim, engine, store
from polling.claim import ClaimedResource, claim_due
from polling.engine import Engine
from polling.idle import commit_idle
from polling.models import PollingResource
from polling.poll import Outcome, Succeeded
from polling.tasks import poll_until
from tests.all_due import AllPolls, poll_all_due
from tests.patience import PATIENCE
from worker import loops

from .conftest import Connect, new_organization
from .ledger import LedgerServer

pytestmark = pytest.mark.django_db
Poll = Callable[[ClaimedResource], Awaitable[Outcome]]
STEP = 400.0  # seconds


@pytest.fixture
def resources(connect: Connect) -> list[PollingResource]:
    """Twenty due resources of twenty accounts, all started."""
    for number in range(20):
        connect(f"account-{number}")
    PollingResource.objects.update(cursor="0", next_poll_at=timezone.now())
    return list(PollingResource.objects.order_by("pk"))


class Clock:
    """The engine's, which goes STEP ahead at each claim once all is polled."""

    def __init__(self) -> None:
        self.claims = 0  # since then
        self._ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def claim(self, *args: Any, **kwargs: Any) -> list[ClaimedResource]:
        if polled() == 20:
            self.claims += 1
            self._ahead += STEP
        return claim_due(*args, **kwargs)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(engine, "time", clock)
    monkeypatch.setattr(claim, "claim_due", clock.claim)
    return clock


def idle(resource: ClaimedResource) -> Outcome:
    return Succeeded(resource, timezone.now(), Changes((), resource.cursor or "0"))


def run(poll: Poll, places: int, seconds: float | None) -> None:
    """Without `seconds`, until nothing is due."""
    if seconds is None:
        engine: Engine = AllPolls(poll, places)
    else:
        engine = Engine(poll, places, time.monotonic() + seconds)
    async_to_sync(engine.run)()


def polled() -> int:
    return PollingResource.objects.filter(last_success_at__isnull=False).count()


def test_all_that_is_due_is_polled(
    resources: list[PollingResource], provider: LedgerServer
) -> None:
    poll_all_due()
    assert polled() == 20
    assert PollingResource.objects.filter(lease_id__isnull=False).count() == 0


def test_no_more_than_the_places_are_polled_at_once(resources: list[PollingResource]) -> None:
    now, most = 0, 0

    async def poll(resource: ClaimedResource) -> Outcome:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1
        return idle(resource)

    run(poll, 7, None)
    assert most == 7
    assert polled() == 20


def test_polls_that_hang_hold_up_no_other(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven hang, and there are four places."""
    monkeypatch.setattr(engine, "SLOW", 0.05)
    monkeypatch.setattr(engine, "CHECK_EVERY", 0.02)
    hanging = {resource.pk for resource in resources[:7]}
    others = asyncio.Event()
    done = 0

    async def poll(resource: ClaimedResource) -> Outcome:
        nonlocal done
        if resource.id in hanging:
            await asyncio.wait_for(others.wait(), PATIENCE)
        done += 1
        if done == 13:
            others.set()
        return idle(resource)

    run(poll, 4, None)
    assert polled() == 20


def test_one_organization_that_hangs_leaves_room_for_the_others(
    resources: list[PollingResource], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its twenty would take all places, slow ones included."""
    monkeypatch.setattr(engine, "SLOW", 0.02)
    monkeypatch.setattr(engine, "CHECK_EVERY", 0.01)
    other = connect("other", organization=new_organization())
    PollingResource.objects.filter(instance=other).update(
        cursor="0", next_poll_at=timezone.now() + timedelta(seconds=0.5)
    )
    polled_other = asyncio.Event()

    async def poll(resource: ClaimedResource) -> Outcome:
        if resource.instance_id != other.pk:
            await asyncio.wait_for(polled_other.wait(), PATIENCE)
        else:
            polled_other.set()
        return idle(resource)

    run(poll, 2, None)
    assert polled() == 21


def test_what_was_claimed_and_not_polled_is_given_back(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "LATEST_END", 0.05)

    async def poll(resource: ClaimedResource) -> Outcome:
        await asyncio.sleep(60)
        raise AssertionError

    before = list(PollingResource.objects.order_by("pk").values())
    run(poll, 4, 0.1)
    assert list(PollingResource.objects.order_by("pk").values()) == before


def test_a_worker_that_is_told_to_stop_ends_soon_and_gives_back_what_it_holds(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "STOP_WITHIN", 0.05)
    told_to_stop = False
    monkeypatch.setattr(loops, "stopping", lambda: told_to_stop)

    async def poll(resource: ClaimedResource) -> Outcome:
        nonlocal told_to_stop
        told_to_stop = True
        await asyncio.sleep(PATIENCE)
        raise AssertionError

    before = list(PollingResource.objects.order_by("pk").values())
    began = time.monotonic()
    run(poll, 4, PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2
    assert list(PollingResource.objects.order_by("pk").values()) == before


def test_a_lease_is_renewed_while_its_poll_takes_long(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RENEW_AFTER", 0.0)
    monkeypatch.setattr(engine, "CHECK_EVERY", 0.02)
    renewed = asyncio.Event()
    renew = claim.renew

    def counted(held: Sequence[ClaimedResource], now: datetime) -> int:
        count = renew(held, now)
        loop.call_soon_threadsafe(renewed.set)
        return count

    monkeypatch.setattr(claim, "renew", counted)
    loop: asyncio.AbstractEventLoop

    async def poll(resource: ClaimedResource) -> Outcome:
        nonlocal loop
        loop = asyncio.get_running_loop()
        await asyncio.wait_for(renewed.wait(), PATIENCE)
        return idle(resource)

    run(poll, 20, None)
    assert polled() == 20


def test_the_run_ends_at_its_deadline(
    resources: list[PollingResource], provider: LedgerServer, clock: Clock
) -> None:
    poll_until(clock.monotonic() + 1.5 * STEP)
    assert clock.claims == 2
    assert polled() == 20


def test_what_falls_due_during_the_run_is_polled(
    resources: list[PollingResource], provider: LedgerServer, clock: Clock
) -> None:
    PollingResource.objects.update(next_poll_at=timezone.now() + timedelta(seconds=0.2))
    poll_until(clock.monotonic() + 1.5 * STEP)
    assert polled() == 20


def test_a_poll_that_fails_as_none_should_ends_nobody_elses(
    resources: list[PollingResource],
) -> None:
    broken = resources[3].pk

    async def poll(resource: ClaimedResource) -> Outcome:
        if resource.id == broken:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return idle(resource)

    run(poll, 4, None)
    assert polled() == 19
    assert PollingResource.objects.get(lease_until__isnull=False).pk == broken


def test_a_database_that_is_lost_for_a_moment_costs_nothing(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polling.database.PAUSE", 0.0)
    faults = {"commit_idle": 2, "claim_due": 2}

    def failing(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            if faults[name] > 0:
                faults[name] -= 1
                raise OperationalError("the server closed the connection")
            return work(*args, **kwargs)

        return call

    monkeypatch.setattr(store, "commit_idle", failing("commit_idle", commit_idle))
    monkeypatch.setattr(claim, "claim_due", failing("claim_due", claim.claim_due))

    async def poll(resource: ClaimedResource) -> Outcome:
        return idle(resource)

    run(poll, 20, None)
    assert faults == {"commit_idle": 0, "claim_due": 0}
    assert polled() == 20


def test_a_database_that_stays_away_ends_the_run(
    resources: list[PollingResource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polling.database.PAUSE", 0.0)
    monkeypatch.setattr("polling.database.PATIENCE", 0.0)

    def lost(*args: object, **kwargs: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(store, "commit_idle", lost)

    async def poll(resource: ClaimedResource) -> Outcome:
        return idle(resource)

    with pytest.raises(OperationalError):
        run(poll, 20, None)
