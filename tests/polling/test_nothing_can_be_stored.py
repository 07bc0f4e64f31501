"""While PostgreSQL takes no outcome nothing is polled, and one line says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import InternalError
from django.utils import timezone

from elements.calls import Change, Changes, ChangeType
from polling import claim, store
from polling.claim import ClaimedResource
from polling.idle import Idle, commit_idle
from polling.models import PollingResource
from polling.poll import Outcome, Succeeded
from tests.all_due import AllPolls

from .conftest import Connect

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_said")]
NUMBER = 20
PLACES = 2


@pytest.fixture
def resources(connect: Connect) -> None:
    for number in range(NUMBER):
        connect(f"account-{number}")
    PollingResource.objects.update(cursor="0", next_poll_at=timezone.now())


def read_only() -> InternalError:
    """As Django raises it on a standby: of a class of its own."""
    error = InternalError("cannot execute UPDATE in a read-only transaction")
    error.__cause__ = psycopg.errors.ReadOnlySqlTransaction()
    return error


def test_polls_wait_until_outcomes_are_stored_again(
    resources: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("polling.database.PAUSE", 0.05)
    polled: list[int] = []
    polled_when_it_ended: list[int] = []
    refused = 0

    def storing(polls: Sequence[Idle]) -> None:
        nonlocal refused
        if refused < 5:
            refused += 1
            raise read_only()
        polled_when_it_ended.append(len(polled))
        commit_idle(polls)

    async def poll(resource: ClaimedResource) -> Outcome:
        await asyncio.sleep(0.2)
        polled.append(resource.id)
        return Succeeded(resource, timezone.now(), Changes((), resource.cursor or "0"))

    monkeypatch.setattr(store, "commit_idle", storing)
    async_to_sync(AllPolls(poll, PLACES).run)()

    assert polled_when_it_ended[0] <= 3 * PLACES  # five refusals last longer than eight polls
    assert sorted(polled) == sorted(set(polled))
    assert len(polled) == NUMBER
    assert len([one for one in caplog.records if "database.unavailable" in one.getMessage()]) == 1


@pytest.mark.parametrize("finds", [False, True], ids=["idle", "found"])
@pytest.mark.parametrize("late", [False, True], ids=["storing", "giving back"])
def test_the_next_turn_gives_back_what_this_one_could_not(
    resources: None, monkeypatch: pytest.MonkeyPatch, finds: bool, late: bool
) -> None:
    """Else the rows would wait for their leases to end, a minute after the last renewal."""
    monkeypatch.setattr("polling.database.PAUSE", 0.05)
    monkeypatch.setattr("polling.database.PATIENCE", 0.2)
    polled: list[int] = []

    def refuse(what: object, *_: object, **__: object) -> None:
        if what:
            raise read_only()

    async def poll(resource: ClaimedResource) -> Outcome:
        await asyncio.sleep(0.05 if len(polled) % 2 else 0.01)
        polled.append(resource.id)
        cursor = resource.cursor or "0"
        found = (Change("1", ChangeType.CREATED, {}, ""),) if finds else ()
        return Succeeded(resource, timezone.now(), Changes(found, cursor))

    claim_soundly = claim.claim_due

    def claim_due(*args: Any, **kwargs: Any) -> list[ClaimedResource]:
        if late and len(polled) >= PLACES:
            raise KeyError("a defect")
        return claim_soundly(*args, **kwargs)

    with monkeypatch.context() as outage:
        outage.setattr(claim, "claim_due", claim_due)
        for name in ("commit_idle", "commit", "commit_many"):
            outage.setattr(store, name, refuse)
        outage.setattr("polling.engine.claim.release", refuse)
        with pytest.raises((InternalError, KeyError)):
            async_to_sync(AllPolls(poll, PLACES).run)()
    assert 0 < len(polled) < NUMBER
    assert PollingResource.objects.exclude(lease_until=None).exists()
    polled.clear()

    async def poll_soundly(resource: ClaimedResource) -> Outcome:
        polled.append(resource.id)
        return Succeeded(resource, timezone.now(), Changes((), resource.cursor or "0"))

    async_to_sync(AllPolls(poll_soundly, PLACES).run)()
    assert len(polled) == NUMBER
    assert not PollingResource.objects.exclude(lease_until=None).exists()
