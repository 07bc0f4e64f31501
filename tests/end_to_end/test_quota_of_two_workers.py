"""Two workers, one of them killed again and again, and one mailbox: Google refuses nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.utils import timezone

from polling.models import PollingResource, PutAsideObject
from quota.models import QuotaBucket
from tests.end_to_end.line import MAILBOX, Line
from tests.killed_worker import FINISHED, KilledWorker

LIMIT = 500  # units a minute
MAILS = 40  # 20 units each
KILLED_AT = (9, 14, 19)  # statements
pytestmark = [
    pytest.mark.installation,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("processes"),
]


def test_together_they_ask_for_no_more_than_the_limit(connected: Line) -> None:
    connected.connect()  # the same mailbox once more: two resources share one quota
    connected.control.deliver_many(MAILS)
    connected.control.set_quota(enforced=True, per_user_per_minute=LIMIT)
    connected.control.advance_clock(60)
    QuotaBucket.objects.all().delete()
    before = connected.control.quota()["units_by_user"][MAILBOX]
    provider = {
        name: getattr(settings, name)
        for name in ("GMAIL_API_BASE_URL", "GOOGLE_TOKEN_URL", "GOOGLE_REVOKE_URL")
    }
    workers = [
        KilledWorker(
            "tests.all_due.poll_all_due", GMAIL_UNITS_PER_USER_MINUTE=str(LIMIT), **provider
        )
        for _ in range(2)
    ]
    try:
        for statement in KILLED_AT:
            all_due()
            assert workers[0].run(statement) in (-9, 9, FINISHED)
        all_due()
        with ThreadPoolExecutor(2) as both:
            assert list(both.map(lambda worker: worker.run(10**6), workers)) == [FINISHED] * 2
    finally:
        for worker in workers:
            worker.close()

    told = connected.control.quota()
    assert told["calls_refused"] == 0
    assert told["units_by_user"][MAILBOX] - before > LIMIT / 2  # they did ask
    waiting = PollingResource.objects.filter(units_awaited_until__isnull=False)
    assert waiting.exists() or PutAsideObject.objects.filter(error="").exists()  # for more of it
    assert PollingResource.objects.filter(failures__gt=0).count() == 0


def all_due() -> None:
    PollingResource.objects.update(next_poll_at=timezone.now(), lease_id=None, lease_until=None)
