"""An authorization is lost and comes back by the link in the notification: nothing is lost."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone

from instances.models import ReconnectLink
from polling.models import PollingResource
from tests.all_due import poll_all_due
from tests.end_to_end.line import MAILBOX, Line


def link_told(line: Line) -> str:
    """Where the notification of the lost grant leads."""
    messages = [json.loads(one.body)["message"] for one in line.receiver.received]
    [lost] = [one for one in messages if one.get("topic") == "instance.authorization.lost"]
    record: dict[str, Any] = lost["raw"]["instance"][0]
    assert record["reasonCode"] == "revoked"
    assert ReconnectLink.objects.count() == 1
    return str(record["reconnectUrl"])


def come_back(line: Line, link: str) -> None:
    """The account's owner opens the link, allows the access, and is sent back."""
    visitor = Client()
    sent = visitor.post(urlsplit(link).path)
    assert sent.status_code == 302, sent.content
    back = urlsplit(line.control.approve(sent["Location"], MAILBOX))
    assert visitor.get(f"{back.path}?{back.query}").status_code == 200


def test_what_changed_meanwhile_is_told_once(connected: Line) -> None:
    first = connected.control.deliver()["id"]
    connected.poll_and_deliver()
    before = connected.shown()

    connected.control.revoke()
    mails = [mail["id"] for mail in connected.control.deliver_many(25)]
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    connected.deliver()
    assert connected.shown()["valid"] is False
    connected.control.label(first, add=["STARRED"])
    connected.control.delete(mails[3])
    mails += [mail["id"] for mail in connected.control.deliver_many(5)]

    come_back(connected, link_told(connected))
    connected.control.delete(first)
    poll_all_due()
    connected.deliver()
    assert connected.poll_and_deliver()["status"] == "idle"

    after = connected.shown()
    assert (after["id"], after["token"], after["tags"]) == (
        before["id"],
        before["token"],
        before["tags"],
    )
    told = connected.told()
    assert sorted(id_ for id_, _ in told) == sorted([first, first, *mails])
    assert dict(told)[mails[3]] == "DELETED"
    assert dict(told)[first] == "DELETED"
