"""A worker killed with -9 at any statement of a poll: no event lost, none stored twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.models import Organization
from events.models import Delivery, Event
from polling.claim import LEASE
from polling.models import PolledObject, PollingResource, PutAsideObject
from polling.poll_now import start_new
from tests.all_due import poll_all_due
from tests.killed_worker import FINISHED, KilledWorker
from tests.polling.conftest import Connect, connect_shelf
from tests.polling.ledger import LedgerServer
from tests.polling.shelf import ShelfServer
from tests.polling.telling import told


@pytest.fixture
def worker(
    transactional_db: None, provider: LedgerServer, shelves: ShelfServer
) -> Iterator[KilledWorker]:
    worker = KilledWorker(
        "tests.all_due.poll_all_due",
        "tests.polling.without_pauses.install",
        INTEGRATIONS_DIRS=str(Path(__file__).parent / "elements"),
        LEDGER_API_BASE_URL=provider.url,
        SHELF_API_BASE_URL=shelves.url,
    )
    yield worker
    worker.close()


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_each_change_is_told_once(
    worker: KilledWorker, connect: Connect, provider: LedgerServer
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


@pytest.mark.django_db(transaction=True)
def test_killed_while_comparing_each_change_is_told_once(
    worker: KilledWorker, organization: Organization, shelves: ShelfServer
) -> None:
    """A whole listing, and one of ids whose new records are read, one of which cannot be.

    Killed at every other statement: there are many, and each commit has several.
    """
    poller = {
        name: {"url": f"/hubs/general/{name}", "idField": "id"} for name in ("items", "names")
    }
    statement, ended = 0, int(signal.SIGKILL)
    while ended != FINISHED:
        statement += 2
        account = f"account-{statement}"
        shelf = shelves.shelves[account]
        shelf.put("a", "b", "c", "d")
        instance = connect_shelf(
            organization,
            account,
            poller,
            **{"event.notification.callback.url": "http://127.0.0.1:9/"},
        )
        start_new(instance.pk)
        items, names = PollingResource.objects.filter(instance=instance).order_by("name")
        shelf.put("d", colour="blue")
        shelf.put("bad", "new")
        del shelf.items["a"]
        shelf.faults["/items/bad"] = 400
        due = PollingResource.objects.filter(instance=instance)
        due.update(next_poll_at=timezone.now())

        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        # The dead worker's leases end by themselves: time passes.
        due.filter(lease_id__isnull=False).update(lease_until=F("lease_until") - LEASE)
        poll_all_due()

        assert sorted(told(items)) == [
            ("a", "DELETED"), ("bad", "CREATED"), ("d", "UPDATED"), ("new", "CREATED"),
        ], statement  # fmt: skip
        assert sorted(told(names)) == [("a", "DELETED"), ("new", "CREATED")], statement
        assert known(items) == {"b", "c", "d", "bad", "new"}
        assert known(names) == {"b", "c", "d", "new"}
        assert [row.object_id for row in PutAsideObject.objects.filter(resource=names)] == ["bad"]
        due.update(active=False)
    assert statement > 20, "the worker was never killed within its work"


def known(resource: PollingResource) -> set[str]:
    return set(PolledObject.objects.filter(resource=resource).values_list("object_id", flat=True))
