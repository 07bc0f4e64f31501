"""The watch begins when the account is connected: what comes before a first poll that succeeds
late is told, and what was there before the connection is not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.line import MAILBOX, Line

pytestmark = pytest.mark.django_db(transaction=True)
PROFILE = {"path_regex": "/profile$"}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "reason": "backendError"},
        {"status": 403, "reason": "accessNotConfigured", "message": "Gmail API is not enabled"},
        {"status": 400, "reason": "failedPrecondition", "message": "Precondition check failed."},
    ],
    ids=["away", "not switched on", "no mailbox yet"],
)
def test_mail_that_comes_before_a_first_poll_that_succeeds_is_told(
    line: Line, fault: dict[str, Any]
) -> None:
    line.control.deliver_many(3)
    line.control.add_fault(PROFILE, fault)
    line.connect()
    mail = line.control.deliver(MAILBOX)
    assert line.poll()["status"] == "failed"
    line.control.clear_faults()
    line.poll_and_deliver()
    later = line.control.deliver(MAILBOX)
    line.poll_and_deliver()
    assert line.told() == [(mail["id"], "CREATED"), (later["id"], "CREATED")]


def test_where_mail_cannot_be_searched_the_first_poll_still_begins(line: Line) -> None:
    line.control.add_fault(PROFILE, {"status": 503})
    line.connect()
    line.control.deliver(MAILBOX)
    line.control.clear_faults()
    refused = {"status": 403, "reason": "forbidden", "message": "Metadata scope does not allow q"}
    line.control.add_fault({"path_regex": "/messages$"}, refused)
    assert line.poll()["status"] == "started"
    line.control.clear_faults()
    mail = line.control.deliver(MAILBOX)
    line.poll_and_deliver()
    assert line.told() == [(mail["id"], "CREATED")]


def test_events_that_are_switched_on_later_begin_then(line: Line) -> None:
    line.connect({"event.notification.enabled": False})
    line.control.deliver_many(2)
    line.control.add_fault(PROFILE, {"status": 503})
    line.change(configuration={"event.notification.enabled": True})
    mail = line.control.deliver(MAILBOX)
    assert line.poll()["status"] == "failed"
    line.control.clear_faults()
    line.poll_and_deliver()
    assert line.told() == [(mail["id"], "CREATED")]
