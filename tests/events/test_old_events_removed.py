"""Settled events are removed when they are old; what is still to be delivered never is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from events import retention
from events.models import Delivery, DeliveryAttempt, DeliveryStatus, Event
from events.redeliver import send_again
from events.tasks import remove_old_events
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_old_events_go_with_their_deliveries_and_attempts(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    with time_machine.travel(NOW - timedelta(days=31), tick=False):
        record(instance, 25)
        deliver_all_due()
        record(new_instance())  # nobody to send it to
    with time_machine.travel(NOW - timedelta(days=29), tick=False):
        young = record(instance)
        deliver_all_due()
    with time_machine.travel(NOW, tick=False):
        assert remove_old_events() == 4
    assert list(Event.objects.values_list("id", flat=True)) == young
    assert Delivery.objects.get().event_id == young[0]
    assert DeliveryAttempt.objects.get().delivery.event_id == young[0]


def test_what_waits_or_is_queued_stays_however_old(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    with time_machine.travel(NOW - timedelta(days=400), tick=False):
        record(instance, 20)
    Delivery.objects.filter(pk=Delivery.objects.earliest("pk").pk).update(
        status=DeliveryStatus.QUEUED
    )
    with time_machine.travel(NOW, tick=False):
        assert remove_old_events() == 0
    assert Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_is_sent_again_just_now_stays(receiver: Receiver) -> None:
    instance = new_instance(url=receiver.url)
    with time_machine.travel(NOW - timedelta(days=400), tick=False):
        record(instance)
        deliver_all_due()
    with ThreadPoolExecutor(1) as other, transaction.atomic():
        assert send_again(Delivery.objects.all(), NOW, arrived=True) == 1
        assert other.submit(removed_by_itself).result(30) == 0
    assert retention.remove_events(NOW) == 0
    assert Delivery.objects.get().status == DeliveryStatus.CREATED


def removed_by_itself() -> int:
    try:
        return retention.remove_events(NOW)
    finally:
        connection.close()


def test_many_are_removed_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "REMOVED_AT_ONCE", 2)
    instance = new_instance()
    with time_machine.travel(NOW - timedelta(days=31), tick=False):
        record(instance, 50)
    assert retention.remove_events(NOW) == 5
    assert Event.objects.count() == 0


def test_zero_days_keeps_everything(settings: Settings) -> None:
    settings.EVENTS_KEPT_DAYS = 0
    with time_machine.travel(NOW - timedelta(days=4000), tick=False):
        record(new_instance())
    assert remove_old_events() == 0
    assert Event.objects.count() == 1
