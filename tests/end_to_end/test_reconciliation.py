"""A mailbox is compared with what was told: when its history has expired, and on request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.gmail import reconciliation
from integrations.gmail.sandbox.control_client import SandboxControl
from polling.models import ListedObject, PolledObject, PollingResource, PollRun, PutAsideObject
from tests.all_due import poll_all_due
from tests.end_to_end.line import API, Line
from tests.end_to_end.test_quota_used_up import Limit, calls_refused, limit

__all__ = ["limit"]  # the fixture

LONG_AGO = timedelta(days=60)
OTHERS = 3  # messages that were there before the mailbox was connected


@pytest.fixture
def ids(connected: Line) -> list[str]:
    """Six messages that were told of, long before the window of a gap."""
    found = [str(one["id"]) for one in connected.control.deliver_many(6)]
    connected.poll_and_deliver()
    connected.receiver.received.clear()
    PollingResource.objects.update(last_success_at=timezone.now() + LONG_AGO)
    return found


def change_unseen(control: SandboxControl, ids: list[str]) -> None:
    control.label(ids[0], add=["STARRED"])
    control.trash(ids[1])
    control.delete(ids[2])
    control.expire_history()


def worker_polls() -> PollingResource:
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    return PollingResource.objects.get()


def runs(line: Line) -> list[dict[str, Any]]:
    answer = line.api.get(f"{API}{line.path}/polls")
    assert answer.status_code == 200
    return list(answer.json()["runs"])


def test_labels_and_deletions_of_old_mail_are_told_with_a_receipt(
    connected: Line, ids: list[str]
) -> None:
    change_unseen(connected.control, ids)
    assert worker_polls().reconciliation is None
    connected.deliver()
    assert sorted(connected.told()) == sorted(
        [(ids[0], "UPDATED"), (ids[1], "UPDATED"), (ids[2], "DELETED")]
    )
    assert ListedObject.objects.count() == 0
    receipt = runs(connected)[0]["receipt"]
    assert receipt["reason"] == "expired"
    counts = receipt["counts"]
    assert (counts["listed"], counts["known"]) == (OTHERS + 5, 5)
    assert (counts["updated"], counts["deleted"], counts["asked"]) == (2, 1, 3)
    assert len(receipt["notKnown"]) == 4
    assert PollRun.objects.latest("pk").outcome == "recovered"


def test_units_used_up_between_steps(
    connected: Line, ids: list[str], limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each minute has units for a few lists, or a message."""
    monkeypatch.setattr(reconciliation, "IDS_A_PAGE", 2)
    change_unseen(connected.control, ids)
    places = []
    for _ in range(60):
        limit(account=28)
        PutAsideObject.objects.update(next_try_at=timezone.now())
        if PutAsideObject.objects.exists():
            PollingResource.objects.update(put_aside_due_at=timezone.now())
        row = worker_polls()
        assert row.failures == 0
        places.append(json.dumps(row.reconciliation))
        if row.reconciliation is None and not PutAsideObject.objects.exists():
            break
    assert len(set(places)) >= 4, "each minute got somewhere"
    assert calls_refused(connected) == 0
    connected.deliver()
    assert sorted(connected.told()) == sorted(
        [(ids[0], "UPDATED"), (ids[1], "UPDATED"), (ids[2], "DELETED")]
    )


def test_on_request_what_was_lost_is_told_again(connected: Line, ids: list[str]) -> None:
    PolledObject.objects.filter(object_id=ids[3]).delete()
    PolledObject.objects.filter(object_id=ids[4]).update(fingerprint="history:1:labels:0")

    answer = connected.api.post(f"{API}{connected.path}/reconcile")
    assert answer.status_code == 200
    [begun] = answer.json()["reconciliations"]
    assert (begun["resource"], begun["reason"]) == ("changed-messages", "requested")
    again = connected.api.post(f"{API}{connected.path}/reconcile").json()["reconciliations"]
    assert again == [begun], "one at a time"
    shown = connected.api.get(f"{API}{connected.path}/polls").json()["resources"][0]
    assert shown["reconciliation"] == begun

    poll_all_due()
    connected.deliver()
    assert sorted(connected.told()) == sorted([(ids[3], "CREATED"), (ids[4], "UPDATED")])
    latest = runs(connected)[0]
    assert (latest["status"], latest["recoveredGapSeconds"]) == ("reconciled", None)
    assert latest["receipt"]["reason"] == "requested"


def test_without_a_polled_resource_there_is_nothing_to_reconcile(connected: Line) -> None:
    connected.change(configuration={"event.notification.enabled": "false"})
    answer = connected.api.post(f"{API}{connected.path}/reconcile")
    assert answer.status_code == 409
    assert "events are off" in answer.json()["message"]


def test_switching_events_off_ends_it(connected: Line, ids: list[str]) -> None:
    assert connected.api.post(f"{API}{connected.path}/reconcile").status_code == 200
    connected.change(configuration={"event.notification.enabled": "false"})
    assert PollingResource.objects.get().reconciliation is None
