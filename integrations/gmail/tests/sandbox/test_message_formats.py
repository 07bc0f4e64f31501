"""What a message shows in each format, and how raw mails come in."""

import base64
import re
from typing import Any

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _headers(payload: dict[str, Any]) -> dict[str, str]:
    return {header["name"]: header["value"] for header in payload["headers"]}


FILE = {"filename": "a.bin", "content_base64": "AAEC"}


def test_minimal_has_no_payload_and_the_rest_is_the_same(
    gmail: Gmail, control: SandboxControl
) -> None:
    message_id = control.deliver(text="Some text", labels=["INBOX", "STARRED"])["id"]
    shown = gmail.get(f"/messages/{message_id}", format="minimal")
    assert set(shown) == {
        "id", "threadId", "labelIds", "snippet", "historyId", "internalDate", "sizeEstimate",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{16}", shown["id"])
    assert (shown["snippet"], shown["labelIds"]) == ("Some text", ["INBOX", "STARRED"])
    full = gmail.get(f"/messages/{message_id}")
    assert {name: full[name] for name in shown} == shown


def test_metadata_shows_the_headers_asked_for(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver(subject="Grüße & Küsse", sender="a@example.com")["id"]
    every = gmail.get(f"/messages/{message_id}", format="metadata")["payload"]
    assert set(every) == {"mimeType", "headers"}
    assert _headers(every)["Subject"] == "Grüße & Küsse"
    some = gmail.get(
        f"/messages/{message_id}", format="metadata", metadataHeaders=["subject", "From"]
    )
    assert _headers(some["payload"]) == {"Subject": "Grüße & Küsse", "From": "a@example.com"}


def test_full_shows_the_parts_and_their_bodies(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver(
        text="Plain ü",
        html="<b>Rich ü</b>",
        attachments=[FILE],
    )["id"]
    payload = gmail.get(f"/messages/{message_id}")["payload"]
    alternative, attached = payload["parts"]
    assert [part["partId"] for part in alternative["parts"]] == ["0.0", "0.1"]
    bodies = [base64.urlsafe_b64decode(part["body"]["data"]) for part in alternative["parts"]]
    assert [body.decode().strip() for body in bodies] == ["Plain ü", "<b>Rich ü</b>"]
    assert (attached["filename"], attached["body"]["size"]) == ("a.bin", 3)
    assert "data" not in attached["body"]


def test_attachment_ids_change_and_all_of_them_work(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver(attachments=[FILE])["id"]
    path = f"/messages/{message_id}"
    ids = {gmail.get(path)["payload"]["parts"][1]["body"]["attachmentId"] for _ in range(2)}
    assert len(ids) == 2
    for attachment_id in ids:
        body = gmail.get(f"{path}/attachments/{attachment_id}")
        assert base64.urlsafe_b64decode(body["data"]) == b"\x00\x01\x02"
    assert gmail.ask("GET", f"{path}/attachments/x.9.9").status_code == 400


def test_raw_is_what_was_inserted(gmail: Gmail) -> None:
    raw = b"From: a@example.com\r\nSubject: Raw\r\nX-Bytes: \xff\xfe\r\n\r\nBody \xff\r\n"
    inserted = gmail.post("/messages", {"raw": _encoded(raw), "labelIds": ["INBOX"]})
    shown = gmail.get(f"/messages/{inserted['id']}", format="raw")
    assert base64.urlsafe_b64decode(shown["raw"]) == raw
    assert "payload" not in shown
    assert gmail.get(f"/messages/{inserted['id']}")["payload"]["mimeType"] == "text/plain"


def test_broken_mail_is_kept_and_shown(gmail: Gmail) -> None:
    for raw in (
        b"\x00\xff no header at all",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset=nosuch\r\nDate: never\r\nSubject: =?x?q?=FF?=\r\n\r\nx",
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nunclosed',
    ):
        inserted = gmail.post("/messages/import", {"raw": _encoded(raw)})
        assert gmail.get(f"/messages/{inserted['id']}")["id"] == inserted["id"]


def test_imported_mail_takes_the_date_of_its_header(gmail: Gmail) -> None:
    raw = _encoded(b"Date: Thu, 01 Jan 2015 00:00:00 +0000\r\n\r\nold")
    imported = gmail.post("/messages/import", {"raw": raw})["id"]
    inserted = gmail.post("/messages", {"raw": raw})["id"]
    assert gmail.get(f"/messages/{imported}")["internalDate"] == "1420070400000"
    assert int(gmail.get(f"/messages/{inserted}")["internalDate"]) > 1_700_000_000_000


def test_sent_mail_reaches_the_mailboxes_that_are_here(
    gmail: Gmail, control: SandboxControl
) -> None:
    control.create_mailbox("second@example.com")
    raw = _encoded(b"To: <Second@example.com>, far@example.org\r\nSubject: Sent\r\n\r\nHi")
    assert gmail.post("/messages/send", {"raw": raw})["labelIds"] == ["SENT"]
    second = Gmail(control.url, control.sign_in("second@example.com")["access_token"])
    assert len(second.ids(q="subject:sent is:unread in:inbox")) == 1
    own = _encoded(f"To: {DEFAULT_MAILBOX}\r\n\r\nNote".encode())
    assert gmail.post("/messages/send", {"raw": own})["labelIds"] == ["SENT", "INBOX", "UNREAD"]


def test_fields_mask_leaves_only_what_is_named(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver(subject="Masked")["id"]
    path = f"/messages/{message_id}"
    assert gmail.get(path, fields="id") == {"id": message_id}
    assert set(gmail.get(path, fields="id,payload(mimeType,headers/name)")["payload"]) == {
        "mimeType",
        "headers",
    }
    headers = gmail.get(path, fields="payload/headers(name)")["payload"]["headers"]
    assert all(set(header) == {"name"} for header in headers)
    listed = gmail.get("/messages", fields="messages/id,nextPageToken", maxResults=1)
    assert listed.keys() == {"messages", "nextPageToken"}
    assert listed["messages"] == [{"id": message_id}]
    assert gmail.get("/messages", fields="*", maxResults=1).keys() > listed.keys()
    every = gmail.get(path, fields="*/headers")
    assert every == {"payload": {"headers": gmail.get(path)["payload"]["headers"]}}


def test_label_counts(gmail: Gmail, control: SandboxControl) -> None:
    first = control.deliver(labels=["Work", "UNREAD"])
    control.deliver(labels=["Work"], thread_id=first["threadId"])
    control.deliver(labels=["Work"])
    label_id = control.create_label("Work")["label_id"]
    shown = gmail.get(f"/labels/{label_id}")
    assert (shown["name"], shown["type"]) == ("Work", "user")
    counts = [
        shown[f"{what}{which}"] for what in ("messages", "threads") for which in ("Total", "Unread")
    ]
    assert counts == [3, 1, 2, 1]


def test_profile_counts_follow_every_change(gmail: Gmail, control: SandboxControl) -> None:
    before = gmail.get("/profile")
    first = control.deliver()
    reply = control.deliver(thread_id=first["threadId"])
    with_both = gmail.get("/profile")
    control.delete(first["id"])
    with_one = gmail.get("/profile")
    control.delete(reply["id"])
    after = gmail.get("/profile")
    counts = [(p["messagesTotal"], p["threadsTotal"]) for p in (before, with_both, with_one, after)]
    messages, threads = counts[0]
    assert counts[1:] == [(messages + 2, threads + 1), (messages + 1, threads + 1), counts[0]]
