"""A worker killed with -9 at any statement of a poll: no event lost, none stored twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from events.models import Delivery, Event
from polling.claim import LEASE
from polling.models import PollingResource, PutAsideObject
from polling.tasks import poll_all_due
from tests.polling.conftest import Connect
from tests.polling.ledger import LedgerServer
from tests.polling.telling import told

WORKER = Path(__file__).with_name("worker.py")
FINISHED = 0


class Worker:
    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(WORKER), database()],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, statement: int) -> int:
        """The signal that ended it, or FINISHED."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{statement}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=10)


@pytest.fixture
def worker(transactional_db: None, provider: LedgerServer) -> Iterator[Worker]:
    worker = Worker(
        {
            **os.environ,
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "INTEGRATIONS_DIRS": str(Path(__file__).parents[1] / "elements"),
            "LEDGER_API_BASE_URL": provider.url,
        }
    )
    yield worker
    worker.close()


def database() -> str:
    """This test's database, as the worker is told of it."""
    given = connection.get_connection_params()
    names = {"NAME": "dbname", "USER": "user", "HOST": "host", "PORT": "port"}
    return json.dumps({setting: given.get(name, "") for setting, name in names.items()})


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_each_change_is_told_once(
    worker: Worker, connect: Connect, provider: LedgerServer
) -> None:
    """More than one chunk, with an object that cannot be read, and deliveries to be made."""
    statement, ended = 0, int(signal.SIGKILL)
    while ended != FINISHED:
        statement += 1
        account = f"account-{statement}"
        instance = connect(
            account,
            configuration={"event.notification.callback.url": "http://127.0.0.1:9/"},
        )
        resource = PollingResource.objects.get(instance=instance)
        names = [f"entry-{number}" for number in range(6)]
        ledger = provider.ledgers[account]
        ledger.add("bad", *names)
        ledger.poisoned.add("bad")
        PollingResource.objects.filter(pk=resource.pk).update(next_poll_at=timezone.now())

        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        # The dead worker's lease ends by itself: time passes.
        PollingResource.objects.filter(lease_id__isnull=False).update(
            lease_until=F("lease_until") - LEASE
        )
        poll_all_due()

        assert sorted(told(resource)) == [(name, "CREATED") for name in names], statement
        events = Event.objects.filter(instance=instance)
        assert Delivery.objects.filter(event__in=events).count() == events.count()
        assert [row.object_id for row in PutAsideObject.objects.filter(resource=resource)] == [
            "bad"
        ]
        resource.refresh_from_db()
        assert (resource.cursor, resource.lease_id, resource.failures) == ("7", None, 0)
        PollingResource.objects.filter(pk=resource.pk).update(active=False)
    assert statement > 20, "the worker was never killed within its work"
