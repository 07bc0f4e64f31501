"""A provider that fails: recorded on the resource, the cursor unmoved, and all is told later."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from instances.models import Credential, CredentialState
from polling.models import PollingResource, PutAsideObject
from tests.all_due import poll_all_due
from tests.end_to_end.line import Line
from tests.polling.telling import in_a_hurry

HISTORY = {"path": "/gmail/v1/users/me/history"}
GET = {"path_regex": "/messages/[^/]+$"}
FAULTS: dict[str, dict[str, Any]] = {
    "401": {"status": 401},
    "403": {"status": 403},
    "429": {"status": 429},
    "429 with Retry-After": {"status": 429, "retry_after": "120"},
    "500": {"status": 500},
    "hangs": {"hang": True},
    "cuts": {"cut": "before"},
    "cuts within the answer": {"cut": "mid-body"},
    "HTML": {"html": True},
    "HTML with 200": {"html": True, "status": 200},
    "broken JSON": {"malformed": True},
}


def resource() -> PollingResource:
    return PollingResource.objects.get()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_history_fails_then_everything_is_told(
    connected: Line, fault: dict[str, Any], buckets_open: Callable[[], None]
) -> None:
    mails = [mail["id"] for mail in connected.control.deliver_many(3)]
    cursor = resource().cursor
    connected.control.add_fault(HISTORY, fault)

    with in_a_hurry() if "hang" in fault else nullcontext():
        report = connected.poll_and_deliver()

    assert report["status"] == "failed"
    failed = resource()
    assert (failed.cursor, failed.failures, failed.lease_id) == (cursor, 1, None)
    assert failed.error
    assert failed.error == report["error"]
    assert failed.next_poll_at > timezone.now()
    assert connected.told() == []
    assert connected.shown()["valid"] is True
    assert Credential.objects.get().state == CredentialState.OK

    connected.control.clear_faults()
    buckets_open()
    with time_machine.travel(failed.next_poll_at + timedelta(seconds=1)):
        poll_all_due()
        connected.deliver()
    assert connected.told() == [(id_, "CREATED") for id_ in mails]
    assert (resource().failures, resource().error) == (0, "")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_fetches_fail_halfway_then_everything_is_told_once(
    connected: Line, fault: dict[str, Any], buckets_open: Callable[[], None]
) -> None:
    mails = [mail["id"] for mail in connected.control.deliver_many(12)]
    doomed = mails[5]
    connected.control.add_fault({"path_regex": f"/messages/({doomed}|{mails[9]})$"}, fault)

    with in_a_hurry() if "hang" in fault else nullcontext():
        connected.poll_and_deliver()
    connected.control.clear_faults()
    connected.control.delete(doomed)
    buckets_open()
    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        connected.poll_and_deliver()
        assert connected.poll_and_deliver()["status"] == "idle"

    told = connected.told()
    assert sorted(told) == sorted((id_, "DELETED" if id_ == doomed else "CREATED") for id_ in mails)
    assert not PutAsideObject.objects.exists()


def test_one_page_of_many_fails_then_everything_is_told(connected: Line) -> None:
    """What came before the page that fails is kept, and the rest is read from there."""
    id_ = connected.control.deliver()["id"]
    for _ in range(520):
        connected.control.label(id_, add=["STARRED"])
        connected.control.label(id_, remove=["STARRED"])
    last = connected.control.deliver()["id"]
    cursor = resource().cursor
    connected.control.clear_requests()
    assert connected.poll()["status"] == "found"
    pages = [one for one in connected.control.requests() if one["path"] == HISTORY["path"]]
    assert len(pages) == 3
    PollingResource.objects.update(cursor=cursor)
    more = connected.control.deliver()["id"]

    connected.control.add_fault(HISTORY, {"latency_ms": 1}, times=2)
    connected.control.add_fault(HISTORY, {"status": 500})
    assert connected.poll()["status"] == "failed"
    assert resource().cursor != cursor
    connected.control.clear_faults()
    connected.poll_and_deliver()

    assert connected.told() == [(id_, "CREATED"), (last, "CREATED"), (more, "CREATED")]


@pytest.mark.parametrize("path", ["profile", "messages"])
def test_a_recovery_that_fails_goes_on(connected: Line, path: str) -> None:
    mails = [mail["id"] for mail in connected.control.deliver_many(3)]
    connected.control.expire_history()
    cursor = resource().cursor
    connected.control.add_fault({"path_regex": f"/users/me/{path}$"}, {"status": 500})

    assert connected.poll_and_deliver()["status"] == "failed"
    begun = resource().reconciliation is not None
    assert begun == (path == "messages")
    assert (resource().cursor != cursor) == begun, "a cursor moves with the reconciliation"
    connected.control.clear_faults()
    assert connected.poll_and_deliver()["status"] == "recovered"

    assert connected.told() == [(id_, "CREATED") for id_ in mails]


def test_a_token_that_has_expired_is_renewed_within_the_poll(connected: Line) -> None:
    mail = connected.control.deliver()["id"]
    connected.control.expire_access_tokens()

    assert connected.poll_and_deliver()["status"] == "found"

    assert connected.told() == [(mail, "CREATED")]


def test_a_token_endpoint_that_fails_loses_neither_grant_nor_change(connected: Line) -> None:
    mail = connected.control.deliver()["id"]
    connected.control.expire_access_tokens()
    connected.control.add_fault({"path": "/token"}, {"status": 500})

    assert connected.poll_and_deliver()["status"] == "failed"
    assert connected.shown()["valid"] is True
    connected.control.clear_faults()
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        connected.poll_and_deliver()

    assert connected.told() == [(mail, "CREATED")]


def test_a_mailbox_whose_provider_was_down_at_the_start_is_watched_soon_after(line: Line) -> None:
    line.control.add_fault({"path": "/gmail"}, {"status": 500})
    line.connect()
    assert (resource().cursor, resource().failures) == (None, 1)
    line.control.clear_faults()
    before = line.control.deliver(subject="Arrives before the first good poll")["id"]

    with time_machine.travel(timezone.now() + timedelta(seconds=15)):
        poll_all_due()
        assert resource().cursor is not None
        mail = line.control.deliver()["id"]
        line.poll_and_deliver()

    assert line.told() == [(before, "CREATED"), (mail, "CREATED")]
