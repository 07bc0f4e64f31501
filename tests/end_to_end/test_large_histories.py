"""A mailbox whose history takes longer than a poll moves at every poll, and loses nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from django.utils import timezone

from integrations.gmail import history
from polling.models import PollingResource, PollRun, PutAsideObject
from tests.all_due import poll_all_due
from tests.end_to_end.line import Line
from tests.end_to_end.test_quota_used_up import Limit, calls_refused, limit
from tests.polling.telling import end_polls_after

__all__ = ["limit"]  # the fixture

MAILS = 24
PAGES = 12
HISTORY = {"path": "/gmail/v1/users/me/history"}


@pytest.fixture
def behind(connected: Line, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A history of twelve pages."""
    monkeypatch.setattr(history, "RECORDS_A_PAGE", MAILS // PAGES)
    return [str(one["id"]) for one in connected.control.deliver_many(MAILS)]


def poll_once() -> PollingResource:
    """One turn of the worker, in which a resource that is due at once is polled again."""
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    return PollingResource.objects.get()


def told_once(line: Line, ids: list[str]) -> bool:
    line.deliver()
    return Counter(line.told()) == Counter((id_, "CREATED") for id_ in ids)


def test_a_history_longer_than_the_time_of_a_poll(
    connected: Line, behind: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    end_polls_after(3, monkeypatch)
    row = poll_once()
    assert (row.failures, row.error) == (0, "")
    found = PollRun.objects.filter(outcome="found").count()
    assert found == PAGES // 3 + 1  # the last one finds no page
    assert told_once(connected, behind)


def test_a_page_that_fails_keeps_those_before_it(connected: Line, behind: list[str]) -> None:
    before = PollingResource.objects.get().cursor
    connected.control.add_fault(HISTORY, {"latency_ms": 1}, times=3)
    connected.control.add_fault(HISTORY, {"status": 403, "reason": "forbidden"})
    row = poll_once()
    connected.control.clear_faults()
    assert row.cursor != before
    assert "403" in row.error, "the next poll met it, and says so"
    assert row.failures == 1
    failed, kept = PollRun.objects.order_by("-pk")[:2]
    assert (failed.outcome, kept.outcome) == ("failed", "found")
    row = poll_once()
    assert row.error == ""
    assert told_once(connected, behind)


def test_units_used_up_between_pages(
    connected: Line, behind: list[str], limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eleven pages of 24 a minute, or one message."""
    monkeypatch.setattr(history, "RECORDS_A_PAGE", 1)
    cursors: list[str | None] = []
    waiting = True
    while len(set(cursors)) < 3 or waiting:
        assert len(cursors) < 2 * MAILS
        limit(account=22)
        PutAsideObject.objects.update(next_try_at=timezone.now())
        PollingResource.objects.update(put_aside_due_at=timezone.now())
        row = poll_once()
        assert row.failures == 0
        cursors.append(row.cursor)
        waiting = PutAsideObject.objects.exists()
    assert calls_refused(connected) == 0
    assert told_once(connected, behind)
