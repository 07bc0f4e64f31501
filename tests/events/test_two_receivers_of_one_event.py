"""An event of a topic goes to several: it is done when the last of them has it, whoever is last."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.provision import NewOrganization
from events.claim import Claimed, claim
from events.commit import Attempted, commit
from events.models import Subscription
from events.outcome import Answer, decide
from events.payload import Notice
from events.record import record_notice
from tests.events.found import statuses
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


def arrived(delivery: Claimed) -> Attempted:
    now = timezone.now()
    answer = Answer(200)
    return Attempted(
        delivery_id=delivery.id,
        lease_id=delivery.lease_id,
        subscription_id=delivery.subscription_id,
        url=delivery.url,
        was_failing=False,
        started_at=now,
        duration_ms=1,
        answer=answer,
        decision=decide(
            answer, failures=0, first_failed_at=None, policy="retry", now=now, jitter=0
        ),
    )


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_two_engines_store_the_last_two_deliveries_at_once(organization: NewOrganization) -> None:
    owner = organization.organization
    keys = [
        Subscription.objects.create(organization=owner, topics=["disk"], url=f"http://{n}.test/").pk
        for n in range(2)
    ]
    with transaction.atomic():
        notice = Notice("disk", "It is full", "low", "importer")
        record_notice(owner.pk, None, notice, timezone.now())
    first, second = claim(timezone.now(), dict.fromkeys(keys, 1), 2)

    def store_second() -> None:
        try:
            commit([arrived(second)], [], timezone.now())
        finally:
            connection.close()

    other_engine = threading.Thread(target=store_second)
    with transaction.atomic():
        commit([arrived(first)], [], timezone.now())
        other_engine.start()
        give_up_at = time.monotonic() + PATIENCE
        while other_engine.is_alive() and not waits_for_a_lock():
            assert time.monotonic() < give_up_at
            time.sleep(0.01)
    other_engine.join(PATIENCE)

    assert statuses() == ["NOTIFIED"]
