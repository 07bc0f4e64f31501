"""Messages, threads and drafts of Gmail, through the hub API, against the sandbox."""

from __future__ import annotations

import base64
import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from rest_framework.test import APIClient

from integrations.gmail.sandbox.server import SandboxServer

API = "/elements/api-v2"
USER = "user@example.com"
FAR = "far@example.org"
PDF = {"filename": "Übersicht.pdf", "content": base64.b64encode(b"%PDF-1\x00\xff").decode()}


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return answer.json() if answer.content else None


def refused(answer: Any) -> str:
    assert answer.status_code == 400, answer.content
    return str(answer.json()["message"])


def post(hub: APIClient, path: str, body: Any = None) -> Any:
    return hub.post(f"{API}{path}", body, format="json")


def written(hub: APIClient, message_id: str) -> EmailMessage:
    """The mail as it was sent."""
    raw = ok(hub.get(f"{API}/messages/{message_id}", {"format": "raw"}))["raw"]
    parsed = email.message_from_bytes(base64.urlsafe_b64decode(raw), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def test_a_mail_is_sent_with_all_its_parts_and_read_as_it_was_written(hub: APIClient) -> None:
    body = {
        "to": ['"Last, First" <a@example.org>', "b@example.org"],
        "cc": "Käthe <c@example.org>",
        "subject": "Grüße 😀 " + "lang " * 30,
        "text": "Schöne Grüße\n",
        "html": "<p>Schöne <b onclick='x()'>Grüße</b></p><script>x()</script>",
        "attachments": [PDF],
        "headers": {"X-Reason": "a test"},
    }
    sent = ok(post(hub, "/hubs/general/messages", body))
    assert sent["labelIds"] == ["SENT"]

    read = ok(hub.get(f"{API}/messages/{sent['id']}"))

    assert read["subject"] == body["subject"].strip()  # type: ignore[attr-defined]  # a str
    assert read["to"] == '"Last, First" <a@example.org>, b@example.org'
    assert read["cc"] == "Käthe <c@example.org>"
    assert read["text"].strip() == "Schöne Grüße"
    assert read["html"].strip() == body["html"]
    [attached] = read["attachments"]
    assert (attached["filename"], attached["contentType"]) == ("Übersicht.pdf", "application/pdf")
    assert attached["size"] == 8
    path = f"{API}/messages/{sent['id']}/attachments/{attached['attachmentId']}"
    assert base64.urlsafe_b64decode(ok(hub.get(path))["data"]) == b"%PDF-1\x00\xff"

    safe = ok(hub.get(f"{API}/messages/{sent['id']}", {"sanitize": "true"}))
    assert safe["html"].strip() == "<p>Schöne <b>Grüße</b></p>"

    mail = written(hub, sent["id"])
    assert mail.get_content_type() == "multipart/mixed"
    alternative, _ = mail.iter_parts()
    assert [part.get_content_type() for part in alternative.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    assert mail["X-Reason"] == "a test"


def test_a_mail_may_be_as_plain_as_can_be(hub: APIClient) -> None:
    sent = ok(post(hub, "/messages", {"to": FAR, "text": "Hello"}))
    mail = written(hub, sent["id"])
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == "Hello\r\n"


def test_a_whole_mail_is_sent_as_it_is(hub: APIClient) -> None:
    raw = b"To: far@example.org\r\nSubject: Mine\r\nX-Own: yes\r\n\r\nText"
    sent = ok(post(hub, "/messages", {"raw": base64.b64encode(raw).decode()}))
    mail = written(hub, sent["id"])
    assert (mail["Subject"], mail["X-Own"]) == ("Mine", "yes")


def test_a_reply_joins_the_thread_and_refers_to_what_it_answers(
    hub: APIClient, sandbox: SandboxServer
) -> None:
    original = sandbox.control.deliver(
        subject="Lunch?",
        sender="Colleague <colleague@example.com>",
        headers={"References": "<first@example.com>"},
    )
    sent = ok(post(hub, "/messages", {"inReplyTo": original["id"], "text": "Yes"}))
    assert sent["threadId"] == original["threadId"]
    mail = written(hub, sent["id"])
    asked = ok(hub.get(f"{API}/messages/{original['id']}", {"format": "metadata"}))
    [message_id] = [
        header["value"] for header in asked["payload"]["headers"] if header["name"] == "Message-ID"
    ]
    assert mail["Subject"] == "Re: Lunch?"
    assert mail["To"] == "Colleague <colleague@example.com>"
    assert mail["In-Reply-To"] == message_id
    assert "".join(mail["References"].split()) == f"<first@example.com>{message_id}"
    again = ok(post(hub, "/messages", {"inReplyTo": sent["id"], "to": FAR, "text": "And"}))
    second = written(hub, again["id"])
    assert second["Subject"] == "Re: Lunch?"
    assert second["In-Reply-To"] == mail["Message-ID"]
    assert len(second["References"].split()) == 3


def test_an_answer_to_what_is_not_there_is_404(hub: APIClient) -> None:
    answer = post(hub, "/messages", {"inReplyTo": "18c0ffee", "text": "Yes"})
    assert answer.status_code == 404
    assert "providerMessage" in answer.json()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (None, "the body"),
        ([], "the body"),
        ("text", "the body"),
        ({}, "to"),
        ({"to": []}, "to"),
        ({"to": 5}, "to"),
        ({"to": [None]}, "to[0]"),
        ({"to": ["a@example.org", "nobody"]}, "to[1]"),
        ({"to": "a@example.org\r\nBcc: b@example.org"}, "to"),
        ({"to": "Last, First <a@example.org>"}, "to"),
        ({"to": FAR, "from": "a@example.org, b@example.org"}, "from"),
        ({"to": FAR, "subject": "x\nBcc: b@example.org"}, "subject"),
        ({"to": FAR, "subject": ["x"]}, "subject"),
        ({"to": FAR, "subject": "x" * 3000}, "subject"),
        ({"to": FAR, "text": {"a": 1}}, "text"),
        ({"to": FAR, "text": "\u0001"}, "text"),
        ({"to": FAR, "replyTo": "x\ry@example.org"}, "replyTo"),
        ({"to": FAR, "headers": {"X-A": "x\r\nBcc: b@example.org"}}, "headers.X-A"),
        ({"to": FAR, "headers": {"X A": "x"}}, "headers"),
        ({"to": FAR, "headers": {"BCC": "b@example.org"}}, "headers.BCC"),
        ({"to": FAR, "headers": {"Content-Type": "text/html"}}, "headers.Content-Type"),
        ({"to": FAR, "headers": []}, "headers"),
        ({"to": FAR, "attachments": {}}, "attachments"),
        ({"to": FAR, "attachments": [5]}, "attachments[0]"),
        ({"to": FAR, "attachments": [{"content": "AA=="}]}, "attachments[0].filename"),
        ({"to": FAR, "attachments": [{"filename": "a"}]}, "attachments[0].content"),
        ({"to": FAR, "attachments": [{**PDF, "content": "!"}]}, "attachments[0].content"),
        ({"to": FAR, "attachments": [{**PDF, "filename": "a\nb"}]}, "attachments[0].filename"),
        ({"to": FAR, "attachments": [{**PDF, "contentType": "x"}]}, "attachments[0].contentType"),
        ({"to": FAR, "attachments": [{**PDF, "contentId": "x"}]}, "attachments[0].contentId"),
        ({"to": FAR, "attachements": []}, "attachements"),
        ({"to": FAR, "threadId": "../x"}, "threadId"),
        ({"to": FAR, "inReplyTo": "a b"}, "inReplyTo"),
        ({"to": FAR, "references": ["x"]}, "references[0]"),
        ({"raw": "!"}, "raw"),
        ({"raw": ""}, "raw"),
        ({"raw": "AAAA", "to": FAR}, "raw"),
    ],
)
def test_a_mail_that_cannot_be_written_is_refused_by_field(
    hub: APIClient, sandbox: SandboxServer, body: Any, named: str
) -> None:
    assert refused(post(hub, "/messages", body)).startswith(f"{named}: ")
    asked = [one for one in sandbox.control.requests() if one["path"].endswith("/send")]
    assert asked == []


def test_a_message_is_labelled_trashed_and_deleted(hub: APIClient, sandbox: SandboxServer) -> None:
    message_id = sandbox.control.deliver()["id"]
    path = f"{API}/hubs/general/messages/{message_id}"
    change = {"addLabelIds": ["STARRED"], "removeLabelIds": ["UNREAD"]}
    assert ok(hub.patch(f"{path}/labels", change, format="json"))["labelIds"] == [
        "INBOX",
        "STARRED",
    ]
    assert "TRASH" in ok(hub.post(f"{path}/trash"))["labelIds"]
    assert "TRASH" not in ok(hub.post(f"{path}/untrash"))["labelIds"]
    gone = hub.delete(path)
    assert (gone.status_code, gone.content) == (200, b"")
    assert hub.get(path).status_code == 404
    assert hub.post(f"{path}/trash").status_code == 404


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({}, "addLabelIds, removeLabelIds"),
        ({"addLabelIds": "STARRED"}, "addLabelIds"),
        ({"addLabelIds": [1]}, "addLabelIds[0]"),
        ({"labels": ["STARRED"]}, "labels"),
        ([], "the body"),
    ],
)
def test_a_change_of_labels_that_says_nothing_is_refused(
    hub: APIClient, sandbox: SandboxServer, change: Any, named: str
) -> None:
    message_id = sandbox.control.deliver()["id"]
    path = f"{API}/messages/{message_id}/labels"
    assert refused(hub.patch(path, change, format="json")).startswith(f"{named}: ")


def test_a_thread_is_found_read_and_changed_as_a_whole(
    hub: APIClient, sandbox: SandboxServer
) -> None:
    first = sandbox.control.deliver(subject="Thread", text="One")
    sandbox.control.deliver(subject="Re: Thread", text="Two", thread_id=first["threadId"])
    [found] = ok(hub.get(f"{API}/threads", {"where": "subject='Thread'"}))
    assert found["id"] == first["threadId"]
    path = f"{API}/users/me/threads/{found['id']}"
    messages = ok(hub.get(path))["messages"]
    assert [message["text"].strip() for message in messages] == ["One", "Two"]
    changed = ok(hub.patch(f"{path}/labels", {"addLabelIds": ["STARRED"]}, format="json"))
    assert all("STARRED" in message["labelIds"] for message in changed["messages"])
    assert len(ok(hub.post(f"{path}/trash"))["messages"]) == 2
    assert len(ok(hub.post(f"{path}/untrash"))["messages"]) == 2
    assert ok(hub.delete(path)) is None
    assert hub.get(path).status_code == 404
    assert refused(hub.get(path, {"format": "raw"})).startswith("format")


def test_threads_and_drafts_are_listed_page_by_page(hub: APIClient) -> None:
    for number in range(3):
        ok(post(hub, "/drafts", {"subject": f"Draft {number}"}))
    for name in ("threads", "drafts"):
        whole = ok(hub.get(f"{API}/{name}", {"pageSize": 3}))
        first = hub.get(f"{API}/{name}?pageSize=2")
        token = first["Elements-Next-Page-Token"]
        rest = hub.get(f"{API}/{name}", {"pageSize": "1", "nextPage": token})
        assert ok(first) + ok(rest) == whole


def test_a_draft_is_written_replaced_sent_and_deleted(
    hub: APIClient, sandbox: SandboxServer
) -> None:
    draft = ok(post(hub, "/drafts", {"subject": "Not yet", "text": "One"}))
    path = f"{API}/drafts/{draft['id']}"
    read = ok(hub.get(path))
    assert (read["message"]["subject"], read["message"]["text"].strip()) == ("Not yet", "One")
    replaced = ok(hub.put(path, {"to": FAR, "subject": "Now", "text": "Two"}, format="json"))
    assert replaced["id"] == draft["id"]
    [found] = ok(hub.get(f"{API}/drafts", {"q": "subject:now"}))
    assert found["id"] == draft["id"]
    sent = ok(hub.post(f"{path}/send"))
    assert sent["labelIds"] == ["SENT"]
    assert written(hub, sent["id"]).get_content() == "Two\r\n"
    assert hub.get(path).status_code == 404
    other = ok(post(hub, "/drafts", {}))
    assert ok(hub.delete(f"{API}/drafts/{other['id']}")) is None
    assert ok(hub.get(f"{API}/drafts")) == []


def test_a_draft_may_answer_a_message(hub: APIClient, sandbox: SandboxServer) -> None:
    original = sandbox.control.deliver(subject="Lunch?", sender="not an address")
    draft = ok(post(hub, "/drafts", {"inReplyTo": original["id"]}))
    assert draft["message"]["threadId"] == original["threadId"]
    assert refused(post(hub, "/messages", {"inReplyTo": original["id"]})).startswith("to: ")


def test_a_draft_without_recipient_is_not_sent(hub: APIClient) -> None:
    draft = ok(post(hub, "/drafts", {"subject": "Nobody"}))
    answer = hub.post(f"{API}/drafts/{draft['id']}/send")
    assert answer.status_code == 400
    assert "Recipient address required" in answer.json()["providerMessage"]


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/drafts", {"labelIds": "INBOX"}, "labelIds"),
        ("/drafts", {"where": "labelIds='INBOX'"}, "where"),
        ("/drafts/r1", {"metadataHeaders": "Subject"}, "metadataHeaders"),
        ("/drafts/r1", {"sanitize": "perhaps"}, "sanitize"),
        ("/messages/18c", {"sanitize": "1"}, "sanitize"),
        ("/messages/18c", {"format": "everything"}, "format"),
        ("/messages/a%20b", {}, "id"),
        ("/messages/18c/attachments/a%20b", {}, "attachmentId"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused(
    hub: APIClient, path: str, query: dict[str, str], named: str
) -> None:
    assert refused(hub.get(f"{API}{path}", query)).startswith(named)
