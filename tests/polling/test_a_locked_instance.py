"""Whoever holds an instance's row for long (to change, to delete it) delays nobody else's polls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.utils import timezone

from instances.models import ElementInstance
from polling import store
from polling.models import PollingResource
from polling.poll_now import poll_now, start_new
from tests.all_due import poll_all_due
from tests.patience import PATIENCE

from .conftest import Connect
from .ledger import Ledger, LedgerServer
from .telling import told

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Runs `work` in a thread with a connection of its own, and waits for its end."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()


def wait_until(true: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return true()


def lock(instance: ElementInstance) -> None:
    """As deletions and changes lock it: the instance, then what is polled of it."""
    list(ElementInstance.objects.select_for_update(no_key=True).filter(pk=instance.pk))
    list(PollingResource.objects.select_for_update().filter(instance=instance))


def hold_answers(ledger: Ledger) -> tuple[threading.Event, threading.Event]:
    """The provider has been asked; it may answer."""
    asked, answered = threading.Event(), threading.Event()

    def hook(path: str) -> None:
        asked.set()
        answered.wait(PATIENCE)

    ledger.hook = hook
    return asked, answered


@pytest.fixture
def two(connect: Connect, provider: LedgerServer) -> tuple[ElementInstance, ElementInstance]:
    instances = connect("one"), connect("two")
    for instance in instances:
        start_new(instance.pk)
    return instances


def test_other_polls_are_stored_and_its_own_afterwards(
    two: tuple[ElementInstance, ElementInstance], provider: LedgerServer
) -> None:
    locked, other = (PollingResource.objects.get(instance=one) for one in two)
    provider.ledgers["one"].add("a")
    provider.ledgers["two"].add("b")
    PollingResource.objects.update(next_poll_at=timezone.now())
    asked, answered = hold_answers(provider.ledgers["one"])

    with beside(poll_all_due), transaction.atomic():
        assert asked.wait(PATIENCE)
        lock(two[0])
        answered.set()
        assert wait_until(lambda: told(other) == [("b", "CREATED")]), "held up by the other's lock"
        assert told(locked) == []
    assert told(locked) == [("a", "CREATED")]


def test_idle_polls_of_others_are_stored(
    two: tuple[ElementInstance, ElementInstance], provider: LedgerServer
) -> None:
    other = PollingResource.objects.get(instance=two[1])
    due = timezone.now()
    PollingResource.objects.update(next_poll_at=due)
    asked, answered = hold_answers(provider.ledgers["one"])

    def stored() -> bool:
        return PollingResource.objects.get(pk=other.pk).next_poll_at > due

    with beside(poll_all_due), transaction.atomic():
        assert asked.wait(PATIENCE)
        lock(two[0])
        answered.set()
        assert wait_until(stored), "held up by the other's lock"


def test_a_poll_that_cannot_be_stored_in_time_is_dropped(
    two: tuple[ElementInstance, ElementInstance],
    provider: LedgerServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "PATIENCE_WITH_A_LOCK", 0.2)
    provider.ledgers["one"].add("a")
    statuses: list[str] = []
    asked, answered = hold_answers(provider.ledgers["one"])

    def poll() -> None:
        statuses.extend(report.status for report in poll_now(two[0]))

    with transaction.atomic():
        list(ElementInstance.objects.select_for_update(no_key=True).filter(pk=two[0].pk))
        with beside(poll):
            assert asked.wait(PATIENCE)
            answered.set()
    assert statuses == ["dropped"]
    resource = PollingResource.objects.get(instance=two[0])
    assert (resource.cursor, told(resource)) == ("0", [])
