"""Deleting an instance takes its events along, however many there are."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Delivery, DeliveryAttempt, Event, Subscription
from instances import provision
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db


def statements_to_delete(receiver: Receiver, notifications: int) -> int:
    instance = new_instance(url=receiver.url)
    record(instance, notifications * 10)
    deliver_all_due()
    with CaptureQueriesContext(connection) as statements:
        provision.delete(instance.organization, instance.pk)
    return len(statements)


def test_many_events_take_no_more_statements_than_few(receiver: Receiver) -> None:
    assert statements_to_delete(receiver, 150) == statements_to_delete(receiver, 1)


def test_what_belongs_to_others_stays(receiver: Receiver) -> None:
    other = new_instance(url=receiver.url)
    record(other)
    statements_to_delete(receiver, 2)
    for model in (Event, Delivery, DeliveryAttempt, Subscription):
        assert model.objects.count() == 1, model
