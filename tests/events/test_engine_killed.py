"""A delivery engine killed with -9 after any statement loses nothing and changes no webhook id.

After one statement is also before the next; the last one is followed by the commit.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F

from events.claim import LEASE
from events.models import Delivery, DeliveryAttempt, Event
from events.tasks import deliver_all_due
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

ENGINE = Path(__file__).with_name("crash_engine.py")
FINISHED = 0


def run_engine(statement: int) -> int:
    """Its exit code: negative is the signal that ended it."""
    database = str(connection.settings_dict["NAME"])
    command = [sys.executable, str(ENGINE), database, str(statement)]
    return subprocess.run(command, timeout=60, check=False).returncode


@pytest.mark.django_db(transaction=True)
def test_killed_after_any_statement_every_event_arrives_under_one_id(receiver: Receiver) -> None:
    statement = 0
    ended = -signal.SIGKILL
    while ended != FINISHED:
        statement += 1
        receiver.received.clear()
        Event.objects.all().delete()
        instance = new_instance(url=receiver.url)
        record(instance, 20)
        expected = dict(Delivery.objects.values_list("webhook_id", "event__body"))

        ended = run_engine(statement)
        assert ended in (-signal.SIGKILL, FINISHED)
        # Its leases end by themselves: time passes.
        Delivery.objects.filter(lease_id__isnull=False).update(lease_until=F("lease_until") - LEASE)
        deliver_all_due()

        # Each event came, some perhaps twice, and each time as the same bytes under the same id.
        assert {one.webhook_id: one.body.decode() for one in receiver.received} == expected
        assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
        assert set(Event.objects.values_list("status", flat=True)) == {"NOTIFIED"}
        assert DeliveryAttempt.objects.count() == len(expected)
        instance.delete()
    assert statement > 4, "the engine was never killed within its work"
