"""Each attempt is counted by the class of its status; delays and ages are those of the rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from events.counts import status_of
from events.models import Delivery, Event
from events.outcome import Answer
from tests.all_due import deliver_all_due
from tests.counters.stored import from_now_on
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver, Reply

pytestmark = pytest.mark.django_db
ATTEMPTS = "periodic_delivery_attempts_total"
DELAYED = "periodic_delivery_delay_seconds_bucket"
AGED = "periodic_event_age_seconds_bucket"


def test_a_delivery_is_counted_with_its_delay_and_age(receiver: Receiver) -> None:
    record(new_instance(url=receiver.url))
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=7))
    Event.objects.update(created_at=timezone.now() - timedelta(seconds=20))
    counted = from_now_on()

    deliver_all_due()

    assert counted(ATTEMPTS) == {("2xx",): 1.0}
    delays, ages = counted(DELAYED), counted(AGED)
    assert (delays.get(("5.0",), 0.0), delays[("10.0",)]) == (0.0, 1.0)
    assert (ages.get(("10.0",), 0.0), ages[("30.0",)]) == (0.0, 1.0)


def test_a_failed_attempt_has_no_age_and_its_retry_no_delay(receiver: Receiver) -> None:
    record(new_instance(url=receiver.url))
    receiver.answer = lambda _: Reply(503)
    counted = from_now_on()
    deliver_all_due()
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))

    deliver_all_due()

    assert counted(ATTEMPTS) == {("5xx",): 2.0}
    assert counted(AGED).get(("+Inf",), 0.0) == 0.0
    assert counted(DELAYED)[("+Inf",)] == 1.0


def test_what_the_guard_refuses_is_not_sent(receiver: Receiver, settings: Settings) -> None:
    record(new_instance(url=receiver.url))
    settings.ALLOWED_PRIVATE_NETWORKS = []
    counted = from_now_on()
    deliver_all_due()
    assert counted(ATTEMPTS) == {("not_sent",): 1.0}


@pytest.mark.parametrize(
    ("answer", "status"),
    [(Answer(204), "2xx"), (Answer(302), "3xx"), (Answer(410), "4xx"), (Answer(None), "none")],
)
def test_statuses_are_told_by_their_class(answer: Answer, status: str) -> None:
    assert status_of(answer) == status
