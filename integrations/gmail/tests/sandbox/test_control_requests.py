"""The control API: its log and clock, and what it says to requests that make no sense."""

import pytest
import requests

from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail

MAILBOX = f"/mailboxes/{DEFAULT_MAILBOX}"
MESSAGES = f"{MAILBOX}/messages"


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/mailboxes", {}, 400, "address is missing"),
        ("/mailboxes", {"address": "no address"}, 400, "address"),
        ("/mailboxes", {"address": "a/b@example.com"}, 400, "address"),
        ("/clients", {"client_id": "x"}, 400, "client_secret is missing"),
        (
            "/clients",
            {"client_id": "x", "client_secret": "y", "redirect_uris": "z"},
            400,
            "redirect",
        ),
        ("/mailboxes/nobody@example.com/messages", {}, 404, "no mailbox"),
        (MESSAGES, {"count": 0}, 400, "count"),
        (MESSAGES, {"count": True}, 400, "count"),
        (MESSAGES, {"subject": 5}, 400, "subject"),
        (MESSAGES, {"subject": "a\r\nBcc: b@example.com"}, 400, "linefeed"),
        (MESSAGES, {"subject": "a\x00b"}, 400, "subject"),
        (MESSAGES, {"labels": "INBOX"}, 400, "labels"),
        (MESSAGES, {"labels": [" "]}, 400, "label"),
        (MESSAGES, {"internal_date": "now"}, 400, "internal_date"),
        (MESSAGES, {"thread_id": "x"}, 404, "thread x"),
        (MESSAGES, {"attachments": [{"text": "x"}]}, 400, "attachments\\[0\\].filename"),
        (MESSAGES, {"attachments": [{"filename": "x", "content_base64": "!"}]}, 400, "Base64"),
        (MESSAGES, {"attachments": [{"filename": "x", "mime_type": "x"}]}, 400, "media type"),
        (MESSAGES, {"headers": {"X Y": "z"}}, 400, "header"),
        (MESSAGES, {"sbject": "x"}, 400, "sbject"),
        (f"{MESSAGES}/x/labels", {"add": ["STARRED"]}, 404, "message"),
        (f"{MESSAGES}/x/trash", {}, 404, "message"),
        (f"{MAILBOX}/relabel", {"ids": ["x"], "add": ["STARRED"]}, 404, "message"),
        (f"{MAILBOX}/delete", {"ids": "x"}, 400, "ids must be a list"),
        ("/clock", {}, 400, "advance_s or offset_s"),
        ("/clock", {"advance_s": "1"}, 400, "advance_s"),
        ("/clock", {"advance_s": 1e300}, 400, "advance_s"),
        ("/nowhere", {}, 404, ""),
    ],
)
def test_senseless_request_is_explained(
    control: SandboxControl, path: str, body: dict[str, object], status: int, said: str
) -> None:
    before = control.state()["mailboxes"]
    with pytest.raises(ControlFailedError, match=f"(?s){status}: .*{said}"):
        control._call("POST", path, body)
    assert control.state()["mailboxes"] == before


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"address": "\\ud800@example.com"}'])
def test_body_that_is_no_json_object_is_refused(sandbox: SandboxServer, content: bytes) -> None:
    response = requests.post(
        f"{sandbox.url}/_control/mailboxes",
        data=content,
        headers={"Content-Type": "application/json"},
        timeout=20,
    )
    assert response.status_code == 400
    assert "error" in response.json()


def test_requests_are_logged_without_secrets(
    sandbox: SandboxServer, gmail: Gmail, control: SandboxControl
) -> None:
    control.clear_requests()
    gmail.get("/messages", q="from:someone", labelIds=["INBOX", "UNREAD"])
    gmail.ask("GET", "/messages/x")
    requests.post(f"{sandbox.url}/revoke", params={"token": "very secret"}, timeout=20)
    log = control.requests()
    assert [(entry["method"], entry["path"], entry["status"], entry["user"]) for entry in log] == [
        ("GET", "/gmail/v1/users/me/messages", 200, DEFAULT_MAILBOX),
        ("GET", "/gmail/v1/users/me/messages/x", 404, DEFAULT_MAILBOX),
        ("POST", "/revoke", 400, None),
    ]
    assert log[0]["query"] == {"q": ["from:someone"], "labelIds": ["INBOX", "UNREAD"]}
    assert "very secret" not in str(log)
    assert control.requests(after=log[1]["number"]) == log[2:]


def test_state_shows_no_secret(control: SandboxControl) -> None:
    tokens = control.sign_in()
    shown = str(control.state())
    for secret in (tokens["access_token"], tokens["refresh_token"], "sandbox-secret"):
        assert secret not in shown


def test_clock_moves_dates_of_new_mail(gmail: Gmail, control: SandboxControl) -> None:
    before = gmail.get(f"/messages/{control.deliver()['id']}")
    control.advance_clock(1000)
    after = gmail.get(f"/messages/{control.deliver()['id']}")
    moved = int(after["internalDate"]) - int(before["internalDate"])
    assert 1_000_000 <= moved < 1_060_000


def test_many_are_relabelled_and_deleted_at_one_history_id(
    gmail: Gmail, control: SandboxControl
) -> None:
    start = control.deliver()["historyId"]
    mails = control.deliver_many(3)
    ids = [mail["id"] for mail in mails]
    control.label_many(ids, add=["STARRED"], remove=["UNREAD"])
    control.delete_many(ids[:2])
    records = gmail.get("/history", startHistoryId=start)["history"]
    assert [len(record["labelsAdded"]) for record in records if "labelsAdded" in record] == [3]
    deleted = [one for record in records for one in record.get("messagesDeleted", ())]
    assert [one["message"]["id"] for one in deleted] == ids[:2]
    assert len([record for record in records if "messagesDeleted" in record]) == 1
    assert gmail.get(f"/messages/{ids[2]}")["labelIds"] == ["INBOX", "STARRED"]


def test_unknown_label_name_becomes_a_label_of_the_users(
    gmail: Gmail, control: SandboxControl
) -> None:
    message_id = control.deliver(labels=["INBOX", "Work"])["id"]
    control.label(message_id, add=["Urgent"], remove=["Work"])
    names = {label["id"]: label["name"] for label in gmail.get("/labels")["labels"]}
    shown = gmail.get(f"/messages/{message_id}")["labelIds"]
    assert [names[label] for label in shown] == ["INBOX", "Urgent"]


def test_empty_sandbox_has_neither_client_nor_mailbox() -> None:
    with SandboxServer(empty=True) as sandbox:
        state = sandbox.control.state()
        assert (state["mailboxes"], state["clients"]) == ([], [])
