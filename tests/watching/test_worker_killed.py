"""A worker killed with -9 at any statement: one webhook is registered in the end, or none."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import F

from instances.models import ElementInstance
from tests.all_due import keep_all_due
from tests.killed_worker import FINISHED, KilledWorker
from tests.watching.conftest import Connect
from tests.watching.hooks import HooksServer
from watching.claim import LEASE
from watching.models import InstanceWatch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(transactional_db: None, provider: HooksServer) -> Iterator[KilledWorker]:
    worker = KilledWorker(
        "tests.watching.in_one_thread.keep_all_due",
        INTEGRATIONS_DIRS=str(Path(__file__).parent / "elements"),
        HOOKS_API_BASE_URL=provider.url,
        PUBLIC_URL="https://periodic.example",
    )
    yield worker
    worker.close()


def test_killed_at_any_statement_it_is_registered_once_and_removed(
    worker: KilledWorker, provider: HooksServer, connect: Connect, change: Connect
) -> None:
    def ends(statement: int) -> int:
        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        # The dead worker's lease ends by itself: time passes.
        held = InstanceWatch.objects.filter(lease_id__isnull=False)
        held.update(lease_until=F("lease_until") - LEASE)
        keep_all_due()
        return ended

    def hooks_of(instance: ElementInstance) -> list[int]:
        state = InstanceWatch.objects.get(instance=instance).state
        assert [hook["id"] for hook in provider.hooks.values()] == list(state.values())
        return list(provider.hooks)

    statement, killed = 0, 2
    while killed:
        statement += 1
        instance = connect()
        killed = ends(statement) != FINISHED
        assert len(hooks_of(instance)) == 1, statement
        change(instance, configuration={"event.notification.enabled": "false"})
        killed += ends(statement) != FINISHED
        assert hooks_of(instance) == [], statement
    assert statement > 3, "the worker was never killed within its work"
