"""A mailbox is filled fast with what as many deliveries would have left."""

from datetime import UTC, datetime

import pytest

from integrations.gmail.sandbox import mime
from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl

from .conftest import Gmail

DATE = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("subject", "text"),
    [("Mail 1", "One line."), ("", ""), ("  Blanks ", "Two\nlines, 50 % (a/b)"), ("x:y", " z")],
)
def test_what_is_known_of_a_plain_mail_is_what_would_be_read_in_it(subject: str, text: str) -> None:
    draft = mime.Draft("Sender <a@example.com>", "b@example.com", subject, text)
    written = mime.write_plain(draft, DATE, "<1.2@example.com>")
    assert written is not None
    raw, reading = written
    assert reading == mime.read(raw)


@pytest.mark.parametrize("subject", ["ü", "x" * 66, "=?utf-8?q?x?=", "two\nlines"])
def test_a_mail_that_is_not_plain_is_not_written_by_hand(subject: str) -> None:
    assert mime.write_plain(mime.Draft("a@example.com", "b@example.com", subject), DATE, "") is None


def test_a_filled_mailbox_lists_reads_and_searches(gmail: Gmail, control: SandboxControl) -> None:
    before = gmail.get("/profile")
    ids = control.fill(1_201, labels=["INBOX", "Filled"], step_ms=3_600_000)
    assert gmail.ids(q="label:filled", maxResults=500) == ids
    after = gmail.get("/profile")
    assert after["messagesTotal"] == before["messagesTotal"] + 1_201
    assert after["threadsTotal"] == before["threadsTotal"] + 1_201
    oldest = gmail.get(f"/messages/{ids[-1]}")
    assert (oldest["snippet"], oldest["threadId"]) == ("Mail number 1201.", ids[-1])
    assert gmail.ids(q='subject:"mail 700"') == [ids[699]]
    records = gmail.get("/history", startHistoryId=before["historyId"])["history"]
    added = [one["message"]["id"] for record in records for one in record["messagesAdded"]]
    assert added == ids


def test_a_senseless_filling_is_refused(control: SandboxControl) -> None:
    for wrong in ({"subject": "ü"}, {"text": "x" * 70}, {"newest": 0}):
        with pytest.raises(ControlFailedError):
            control.fill(1, **wrong)
    with pytest.raises(ControlFailedError, match="count"):
        control.fill(0)
