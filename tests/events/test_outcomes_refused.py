"""An outcome that PostgreSQL refuses takes no other with it, and does not stop the engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events import attempt, deliver
from events.models import Delivery, DeliveryAttempt, Subscription
from events.store import store
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "what it came to could not be stored: "
REFUSE = """
CREATE FUNCTION refuse_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused'; END $$;
CREATE TRIGGER refuse_outcome BEFORE UPDATE OF status ON events_delivery
   FOR EACH ROW WHEN (NEW.subscription_id = {} AND {}) EXECUTE FUNCTION refuse_outcome()
"""


@contextmanager
def refused(subscription: Subscription, condition: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(REFUSE.format(subscription.pk, condition))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse_outcome CASCADE")


@pytest.fixture
def odd(receiver: Receiver) -> Subscription:
    """Of one delivery; twenty others wait beside it."""
    theirs = new_instance(url=receiver.url.replace("callback", "odd"))
    record(theirs)
    record(new_instance(url=receiver.url), 200)
    return theirs.subscription


def received(receiver: Receiver) -> tuple[int, int]:
    """How many the odd one has, and how many the other."""
    paths = [one.path for one in receiver.received]
    return paths.count("/odd"), paths.count("/callback")


def others() -> set[str]:
    return set(
        Delivery.objects.exclude(subscription__url__endswith="odd").values_list("status", flat=True)
    )


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the odd receiver answers is nothing that PostgreSQL can hold."""
    excerpt = attempt._excerpt

    async def unstorable(response: Any, sent: dict[str, str]) -> str:
        found = await excerpt(response, sent)
        return "\0" if response.url.path == "/odd" else found

    monkeypatch.setattr(attempt, "_excerpt", unstorable)


def test_what_was_delivered_stays_so_without_the_words_of_the_receiver(
    receiver: Receiver, odd: Subscription, words: None
) -> None:
    deliver_all_due()

    delivery = Delivery.objects.get(subscription=odd)
    assert (delivery.status, delivery.attempts_made) == ("delivered", 1)
    made = DeliveryAttempt.objects.get(delivery=delivery)
    assert (made.status_code, made.error, made.response_excerpt) == (200, WHY + "DataError", "")
    assert others() == {"delivered"}
    assert received(receiver) == (1, 20)


def test_one_that_is_refused_as_delivered_is_a_failed_attempt_that_turns_nothing_off(
    receiver: Receiver, odd: Subscription
) -> None:
    Delivery.objects.filter(subscription=odd).update(failures=9, first_failed_at=timezone.now())
    with refused(odd, "NEW.status = 'delivered'"):
        deliver_all_due()

    delivery = Delivery.objects.get(subscription=odd)
    assert (delivery.status, delivery.failures, delivery.lease_id) == ("retry", 9, None)
    assert delivery.next_attempt_at > timezone.now() + timedelta(days=2)
    made = DeliveryAttempt.objects.get(delivery=delivery)
    assert (made.status_code, made.error.startswith(WHY)) == (None, True)
    assert Subscription.objects.get(pk=odd.pk).active
    assert others() == {"delivered"}
    assert received(receiver) == (1, 20)


def test_one_of_which_nothing_can_be_stored_waits_for_its_lease(
    receiver: Receiver, odd: Subscription
) -> None:
    with refused(odd, "TRUE"):
        deliver_all_due()

    delivery = Delivery.objects.get(subscription=odd)
    assert (delivery.status, delivery.attempts_made) == ("created", 0)
    assert delivery.lease_until is not None
    assert delivery.lease_until > timezone.now()
    assert others() == {"delivered"}
    assert received(receiver) == (1, 20)


def test_one_that_an_earlier_turn_has_kept_does_not_stop_this_one(
    receiver: Receiver, odd: Subscription, words: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []

    def away(attempted: Any, released: Any, now: Any) -> Any:
        kept.extend(attempted)
        return store([], released, now)

    monkeypatch.setattr("events.deliver.store", away)
    deliver_all_due()
    monkeypatch.setattr("events.deliver.store", store)
    deliver._keep_unstored(kept)

    deliver_all_due()

    assert Delivery.objects.get(subscription=odd).status == "delivered"
    assert others() == {"delivered"}
    assert received(receiver) == (1, 20)
