"""The delivery engine goes on by itself when its database connection breaks."""

from __future__ import annotations

import pytest
from django.db import connections

from events.models import Delivery
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Notification, Receiver, Reply

BREAK_OTHERS = """
SELECT pg_terminate_backend(pid)
  FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.mark.django_db(transaction=True)
def test_outcomes_are_stored_once_the_database_is_back(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.deliver.PAUSE_AFTER_LOST_DATABASE", 0.05)
    events = record(new_instance(url=receiver.url), 100)
    broken: list[int] = []
    others = connections.create_connection("default")
    others.inc_thread_sharing()

    def break_connections(_: Notification) -> Reply:
        if not broken:
            broken.append(1)
            with others.cursor() as cursor:
                cursor.execute(BREAK_OTHERS)
        return Reply(200)

    receiver.answer = break_connections
    deliver_all_due()
    others.close()

    assert broken
    assert len(receiver.received) == len(events)  # none twice
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
    assert set(statuses()) == {"NOTIFIED"}
