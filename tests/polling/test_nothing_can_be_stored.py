"""While PostgreSQL takes no outcome nothing is polled, and one line says so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest
from asgiref.sync import async_to_sync
from django.db import InternalError
from django.utils import timezone

from elements.calls import Changes
from polling import engine
from polling.claim import ClaimedResource
from polling.commit import Idle, commit_idle
from polling.engine import Engine
from polling.models import PollingResource
from polling.poll import Outcome, Succeeded

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

    monkeypatch.setattr(engine, "commit_idle", storing)
    async_to_sync(Engine(poll, PLACES, None).run)()

    assert polled_when_it_ended[0] <= 3 * PLACES  # five refusals last longer than eight polls
    assert sorted(polled) == sorted(set(polled))
    assert len(polled) == NUMBER
    assert len([one for one in caplog.records if "database.unavailable" in one.getMessage()]) == 1
