"""A clock that ran ahead and was set right keeps nothing from being delivered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from events.claim import claim, due_subscriptions
from events.models import Delivery, DeliveryStatus
from events.outcome import RETRIES, retry_at
from events.waits import WAITS
from retention.recall import recall
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db(transaction=True)
YEAR = timedelta(days=365)


def ahead(by: timedelta) -> Any:
    return time_machine.travel(timezone.now() + by, tick=False)


@pytest.mark.parametrize("by", [timedelta(hours=2), YEAR])
def test_what_is_found_meanwhile_is_sent(receiver: Receiver, by: timedelta) -> None:
    instance = new_instance(url=receiver.url)
    with ahead(by):
        record(instance)
    deliver_all_due()
    assert receiver.ids() == []

    assert recall(WAITS) == 1
    assert recall(WAITS) == 0
    deliver_all_due()
    assert len(receiver.ids()) == 1


def test_what_failed_meanwhile_is_retried_from_then_on(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    receiver.always(500)
    record(instance)
    with ahead(YEAR):
        deliver_all_due()
    assert Delivery.objects.get().failures == 1

    recall(WAITS)
    deliver_all_due()
    retried = Delivery.objects.get()
    assert retried.failures == 2
    assert retried.next_attempt_at < timezone.now() + timedelta(minutes=1)


def test_an_engine_that_died_with_such_a_lease_holds_nothing(receiver: Receiver) -> None:
    record(new_instance(url=receiver.url))
    with ahead(YEAR):
        due = due_subscriptions(timezone.now()).due
        assert claim(timezone.now(), {one.subscription_id: 1 for one in due}, 1)
    assert recall(WAITS) == 1
    deliver_all_due()
    assert len(receiver.ids()) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"status": "retry", "failures": 9, "next_attempt_at": timedelta(hours=73)},
        {"status": "retry", "failures": 1, "next_attempt_at": timedelta(days=1)},
        {"lease_until": timedelta(minutes=1)},
        {"status": DeliveryStatus.QUEUED, "next_attempt_at": YEAR},
    ],
    ids=["due", "the last retry", "as the receiver asked", "held", "queued"],
)
def test_nothing_else_is_recalled(columns: dict[str, Any]) -> None:
    record(new_instance(url="http://127.0.0.1:9/callback"))
    now = timezone.now()
    Delivery.objects.update(
        **{
            name: now + value if isinstance(value, timedelta) else value
            for name, value in columns.items()
        }
    )
    assert recall(WAITS) == 0


@pytest.mark.parametrize("by", [-YEAR, YEAR], ids=["behind", "ahead"])
def test_the_clock_of_who_looks_says_nothing(by: timedelta) -> None:
    record(new_instance(url="http://127.0.0.1:9/callback"))
    with ahead(by):
        assert recall(WAITS) == 0


def test_no_retry_is_recalled_that_its_policy_makes() -> None:
    """Whatever the number of failures, the jitter and how late it came."""
    record(new_instance(url="http://127.0.0.1:9/callback"))
    now = timezone.now()
    for retry in range(1, RETRIES + 1):
        due = retry_at(retry, now, now, 1.0)
        Delivery.objects.update(status="retry", failures=retry, next_attempt_at=due)
        assert recall(WAITS) == 0, retry
