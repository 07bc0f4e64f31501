"""What PostgreSQL writes for one change or none. It does not depend on how fast a machine is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from events.models import Delivery, Subscription
from polling import engine
from polling.models import PollingResource
from tests.all_due import deliver_all_due, poll_all_due
from tests.events.receiver import Receiver
from transport.asynchronous import AsyncRunner

from .conftest import Connect
from .ledger import LedgerServer

pytestmark = pytest.mark.django_db(transaction=True)
ACCOUNTS = 40
ROUNDS = 4
# Bytes a change; bodies are small.
WAL = 4_900  # from the claim of its poll to its settled delivery
IDLE_WAL = 650  # of a poll that finds nothing
DELIVERY_WAL = 1_250  # from the claim of its delivery on


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _providers_may_take_their_time(
    monkeypatch: pytest.MonkeyPatch, _no_waiting_for_retries: None
) -> None:
    monkeypatch.setattr(engine, "AsyncRunner", AsyncRunner)


def change_all(provider: LedgerServer) -> None:
    """Each account has one more change, and all are due."""
    for number in range(ACCOUNTS):
        ledger = provider.ledgers[f"account-{number}"]
        ledger.add(f"entry-{len(ledger.log)}")
    PollingResource.objects.update(next_poll_at=timezone.now())


def written_by_us() -> int:
    """Bytes of WAL; others use the same server."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT wal_bytes FROM pg_stat_get_backend_wal(pg_backend_pid())")
        return int(cursor.fetchone()[0])


def test_a_change_writes_few_bytes(
    connect: Connect, provider: LedgerServer, receiver: Receiver
) -> None:
    for number in range(ACCOUNTS):
        instance = connect(f"account-{number}")
        Subscription.objects.create(
            organization=instance.organization,
            instance=instance,
            url=receiver.url,
            origin=receiver.url.removesuffix("/"),
        )
    PollingResource.objects.update(cursor="0")
    change_all(provider)
    poll_all_due()  # the first of a page or an index writes more
    deliver_all_due()

    polled, delivered = [], []
    for _ in range(ROUNDS):
        change_all(provider)
        before = written_by_us()
        poll_all_due()
        between = written_by_us()
        deliver_all_due()
        polled.append((between - before) / ACCOUNTS)
        delivered.append((written_by_us() - between) / ACCOUNTS)

    assert Delivery.objects.filter(status="delivered").count() == (ROUNDS + 1) * ACCOUNTS
    # The least of the rounds: a checkpoint or a full page within one adds to it.
    assert 1_000 < min(polled) + min(delivered) <= WAL
    assert 1_000 < min(delivered) <= DELIVERY_WAL


def test_a_poll_that_finds_nothing_writes_few_bytes(
    connect: Connect, provider: LedgerServer
) -> None:
    for number in range(ACCOUNTS):
        connect(f"account-{number}")
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()

    polled = []
    for _ in range(ROUNDS):
        PollingResource.objects.update(next_poll_at=timezone.now())
        before = written_by_us()
        poll_all_due()
        polled.append((written_by_us() - before) / ACCOUNTS)

    assert 200 < min(polled) <= IDLE_WAL
    polled_well = PollingResource.objects.filter(failures=0, next_poll_at__gt=timezone.now())
    assert polled_well.count() == ACCOUNTS
