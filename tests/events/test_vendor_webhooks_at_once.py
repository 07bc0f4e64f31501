"""Nothing of a webhook is lost, doubled or half stored, whatever happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from accounts.provision import NewOrganization
from events import receiver as receiving
from events import record
from events.models import Delivery, Event, ReceivedWebhook, Subscription
from instances import provision
from instances.models import ElementInstance
from tests.events.receiver import Receiver
from tests.events.vendor import BODY, connect, element, send
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(organization: NewOrganization, receiver: Receiver) -> ElementInstance:
    element(organization)
    return connect(organization, url=receiver.url)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each answered, with a connection of its own."""
    answers: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(place: int, work: Callable[[], Any]) -> None:
        try:
            start.wait(PATIENCE)
            answers[place] = work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return answers


def test_the_same_delivery_twice_at_the_same_time_is_one_event(books: ElementInstance) -> None:
    for number in range(5):
        headers = {"X-Ledger-Delivery": f"d{number}"}
        sent = partial(send, f"ledger/{books.pk}", {**BODY, "n": number}, headers=headers)
        answers = at_once(*[sent] * 4)
        assert [answer.status_code for answer in answers] == [200] * 4
        assert Event.objects.count() == Delivery.objects.count() == number + 1


def test_several_instances_in_any_order_do_not_wait_for_each_other(
    organization: NewOrganization, books: ElementInstance, receiver: Receiver
) -> None:
    ids = [books.pk, *(connect(organization, url=receiver.url).pk for _ in range(4))]

    def sent(number: int) -> Any:
        order = ids if number % 2 else ids[::-1]
        return send(
            "ledger",
            {**BODY, "n": number // 2},
            headers={
                "Element-Instances": ",".join(map(str, order)),
                "X-Ledger-Delivery": f"d{number // 2}",
            },
        )

    answers = at_once(*[partial(sent, number) for number in range(8)])

    assert [answer.status_code for answer in answers] == [200] * 8
    assert Event.objects.count() == 4 * len(ids)


def test_a_failure_in_the_middle_leaves_nothing_and_the_next_try_all(
    books: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    with monkeypatch.context() as broken:
        broken.setattr(record, "_deliver", fails)  # the last that is written
        assert send(f"ledger/{books.pk}").status_code == 503
    assert not Event.objects.exists()
    assert not ReceivedWebhook.objects.exists()

    assert send(f"ledger/{books.pk}").status_code == 200
    assert (Event.objects.count(), Delivery.objects.count()) == (1, 1)


def test_a_second_try_after_one_that_was_undone_is_not_taken_for_a_repetition(
    books: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first, whose row is gone when it is undone."""
    stored, undo = threading.Event(), threading.Event()
    real = record.record_webhook

    def first_fails(*given: Any) -> int:
        if stored.is_set():
            return real(*given)
        stored.set()
        undo.wait(PATIENCE)
        raise OperationalError("killed")

    monkeypatch.setattr(receiving, "record_webhook", first_fails)

    def second() -> Any:
        stored.wait(PATIENCE)
        threading.Timer(0.2, undo.set).start()
        return send(f"ledger/{books.pk}")

    answers = at_once(lambda: send(f"ledger/{books.pk}"), second)

    assert [answer.status_code for answer in answers] == [503, 200]
    assert Event.objects.count() == 1


def test_deleting_the_instance_meanwhile_leaves_nothing_behind(
    organization: NewOrganization, books: ElementInstance, receiver: Receiver
) -> None:
    for _ in range(5):
        one = connect(organization, url=receiver.url)
        answers = at_once(
            *[partial(send, f"ledger/{one.pk}")] * 3,
            partial(provision.delete, organization.organization, one.pk),
        )
        assert {answer.status_code for answer in answers[:3]} <= {200, 404}
        assert not Event.objects.exists()
        assert not ReceivedWebhook.objects.exists()


def test_a_subscription_that_somebody_holds_is_waited_for_and_not_for_long(
    books: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "WAIT_FOR_LOCKS", "100ms")
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Subscription.objects.select_for_update().get(instance=books)
            held.set()
            let_go.wait(PATIENCE)

    def ask() -> Any:
        held.wait(PATIENCE)
        try:
            return send(f"ledger/{books.pk}").status_code
        finally:
            let_go.set()

    assert at_once(hold, ask)[1] == 503
    assert send(f"ledger/{books.pk}").status_code == 200
    assert Event.objects.count() == 1
