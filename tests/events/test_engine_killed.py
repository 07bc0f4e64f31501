"""A delivery engine killed with -9 at any statement loses nothing and changes no webhook id."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from django.db.models import F

from events.claim import LEASE
from events.models import Delivery, DeliveryAttempt, Event
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Receiver
from tests.killed_worker import FINISHED, KilledWorker


@pytest.fixture
def worker(transactional_db: None) -> Iterator[KilledWorker]:
    worker = KilledWorker("tests.all_due.deliver_all_due")
    yield worker
    worker.close()


@pytest.mark.django_db(transaction=True)
def test_killed_at_any_statement_every_event_arrives_under_one_id(
    receiver: Receiver, worker: KilledWorker
) -> None:
    statement, ended = 0, int(signal.SIGKILL)
    while ended != FINISHED:
        statement += 1
        receiver.received.clear()
        Event.objects.all().delete()
        instance = new_instance(url=receiver.url)
        record(instance, 20)
        expected = dict(Delivery.objects.values_list("webhook_id", "event__body"))

        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        # Its leases end by themselves: time passes.
        Delivery.objects.filter(lease_id__isnull=False).update(lease_until=F("lease_until") - LEASE)
        deliver_all_due()

        # Each event came, some perhaps twice, and each time as the same bytes under the same id.
        assert {one.webhook_id: one.body.decode() for one in receiver.received} == expected
        assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
        assert set(statuses()) == {"NOTIFIED"}
        assert DeliveryAttempt.objects.count() == len(expected)
        instance.delete()
    assert statement > 4, "the engine was never killed within its work"
