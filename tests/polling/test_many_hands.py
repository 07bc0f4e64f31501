"""Engines, people and renewals at once: no deadlock, nothing lost, nothing told twice."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.db import connection, transaction
from django.utils import timezone

from events.models import Delivery, Event
from instances import provision
from instances.models import ElementInstance
from instances.provision import Wish
from polling.claim import PollRunningError
from polling.models import PollingResource
from polling.poll_now import NothingPolledError, poll_now, start_new
from tests.all_due import deliver_all_due, poll_all_due
from tests.events.receiver import Receiver
from tests.patience import PATIENCE

from .conftest import Connect
from .ledger import LedgerServer

pytestmark = pytest.mark.django_db(transaction=True)
LASTS = 2.0  # seconds
KEPT = 4  # instances that stay
POLLED = ("entries", "drafts")
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def configuration(url: str) -> dict[str, str]:
    entries = {name: {"url": f"/hubs/general/{name}", "idField": "id"} for name in POLLED}
    return {
        "event.notification.enabled": "true",
        "event.notification.callback.url": url,
        "event.poller.configuration": json.dumps(entries),
        "event.poller.refresh_interval": "1",
    }


def deadlocks() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(DEADLOCKS)
        return int(cursor.fetchone()[0])


class Hands:
    """Work that is done again and again, each kind in a thread of its own, until the time is up."""

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self.done: Counter[str] = Counter()
        self._ends_at = time.monotonic() + LASTS

    def do(self, *kinds: Callable[[], object]) -> None:
        threads = [threading.Thread(target=self._repeat, args=[kind]) for kind in kinds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "somebody waits for ever"

    def _repeat(self, work: Callable[[], object]) -> None:
        try:
            while time.monotonic() < self._ends_at:
                work()
                self.done[work.__name__] += 1
        except BaseException as error:  # noqa: BLE001 - the test shows it
            self.errors.append(error)
        finally:
            connection.close()


def test_many_hands(connect: Connect, provider: LedgerServer, receiver: Receiver) -> None:
    chance = random.Random(7)  # noqa: S311 - no secret
    kept = [connect(f"kept-{n}", configuration=configuration(receiver.url)) for n in range(KEPT)]
    for instance in kept:
        start_new(instance.pk)
    organization = kept[0].organization
    added: dict[int, set[str]] = {instance.pk: set() for instance in kept}
    before, passing = deadlocks(), [0]

    def the_provider_changes() -> None:
        for n, instance in enumerate(kept):
            id_ = f"{n}-{len(added[instance.pk])}"
            provider.ledgers[f"kept-{n}"].add(id_)
            added[instance.pk].add(id_)
        time.sleep(0.02)

    def an_engine_polls() -> None:
        free = PollingResource.objects.filter(lease_id=None).order_by("pk")
        with transaction.atomic():  # in the order of everyone
            ids = [row.pk for row in free.select_for_update()]
            PollingResource.objects.filter(pk__in=ids).update(next_poll_at=timezone.now())
        poll_all_due()

    def another_engine_polls() -> None:
        poll_all_due()

    def an_engine_delivers() -> None:
        deliver_all_due()

    def another_engine_delivers() -> None:
        deliver_all_due()

    def people_change() -> None:
        wishes = [
            Wish(enabled=False),
            Wish(enabled=True),
            Wish(configuration={"event.poller.refresh_interval": str(chance.randint(1, 9))}),
            Wish(configuration={"event.notification.signature.key": str(chance.random())}),
        ]
        provision.change(organization, chance.choice(kept).pk, chance.choice(wishes))

    def people_poll() -> None:
        with suppress(PollRunningError, NothingPolledError):
            poll_now(chance.choice(kept), wait=0.1)

    def people_connect_and_delete() -> None:
        passing[0] += 1
        instance = connect(f"passing-{passing[0]}", configuration=configuration(receiver.url))
        provider.ledgers[f"passing-{passing[0]}"].add("x", "y")
        time.sleep(0.05)
        provision.delete(organization, instance.pk)

    hands = Hands()
    hands.do(
        the_provider_changes,
        an_engine_polls,
        another_engine_polls,
        an_engine_delivers,
        another_engine_delivers,
        people_change,
        people_poll,
        people_connect_and_delete,
    )
    assert hands.errors == []
    assert min(hands.done.values()) > 0, hands.done
    assert deadlocks() == before

    for instance in kept:
        provision.change(organization, instance.pk, Wish(enabled=True))
    PollingResource.objects.update(next_poll_at=timezone.now(), lease_id=None, lease_until=None)
    poll_all_due()
    Delivery.objects.filter(status="created").update(lease_id=None, lease_until=None)
    deliver_all_due()
    for instance in kept:
        for name in POLLED:
            told = Counter(
                found["objectId"]
                for event in Event.objects.filter(instance=instance, object_type=name)
                for found in event.objects_found
            )
            assert set(told) == added[instance.pk], "something was lost"
            assert set(told.values()) == {1}, "something was told twice"
    assert ElementInstance.objects.count() == KEPT
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    arrived = set(receiver.ids())
    assert set(Delivery.objects.values_list("webhook_id", flat=True)) <= arrived
