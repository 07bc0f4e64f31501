"""Whoever holds a subscription's row for long delays nobody else's deliveries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from events.models import Delivery, DeliveryAttempt, Subscription
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Notification, Receiver, Reply
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


def deliver() -> None:
    try:
        deliver_all_due()
    finally:
        connection.close()


def wait_until(true: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + PATIENCE
    while not true() and time.monotonic() < give_up_at:
        time.sleep(0.01)
    return true()


def lock(subscription: Subscription) -> None:
    """As a deletion and a change of the configuration do."""
    list(Subscription.objects.select_for_update().filter(pk=subscription.pk))


@pytest.fixture
def answered(receiver: Receiver) -> threading.Event:
    """The receiver answers /locked when this is set."""
    event = threading.Event()

    def answer(notification: Notification) -> Reply:
        if notification.path == "/locked":
            event.wait(PATIENCE)
        return Reply(200)

    receiver.answer = answer
    return event


def test_other_outcomes_are_stored_and_its_own_afterwards(
    receiver: Receiver, answered: threading.Event
) -> None:
    theirs = new_instance(url=receiver.url.replace("callback", "locked"))
    another = new_instance(url=receiver.url)
    locked, other = theirs.subscription, another.subscription
    record(theirs)
    record(another, 30)

    def arrived() -> bool:
        return Delivery.objects.filter(subscription=other, status="delivered").count() == 3

    thread = threading.Thread(target=deliver)
    thread.start()
    with transaction.atomic():
        assert wait_until(lambda: "/locked" in [one.path for one in receiver.received])
        lock(locked)
        answered.set()
        record(another, 30)
        assert wait_until(lambda: len(receiver.received) >= 4)
        assert wait_until(arrived), "held up by the other's lock"
        assert not DeliveryAttempt.objects.filter(delivery__subscription=locked).exists()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert Delivery.objects.get(subscription=locked).status == "delivered"
    assert [one.path for one in receiver.received].count("/locked") == 1


def test_an_outcome_that_cannot_be_stored_in_time_is_given_up(
    receiver: Receiver, answered: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.deliver.PATIENCE_WITH_A_LOCK", 0.2)
    theirs = new_instance(url=receiver.url.replace("callback", "locked"))
    locked = theirs.subscription
    record(theirs)
    thread = threading.Thread(target=deliver)
    thread.start()
    with transaction.atomic():
        assert wait_until(lambda: bool(receiver.received))
        lock(locked)
        answered.set()
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the engine waits for the lock"
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts_made) == ("created", 0)
    assert delivery.lease_until is not None  # when it has passed, it is sent again
