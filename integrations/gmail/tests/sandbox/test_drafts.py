"""Drafts: a draft keeps its id, the message within is another after every change."""

import base64

from integrations.gmail.sandbox.control_client import SandboxControl

from .conftest import Gmail


def message(subject: str, to: str = "far@example.org") -> dict[str, dict[str, str]]:
    raw = f"To: {to}\r\nSubject: {subject}\r\n\r\nText".encode()
    return {"message": {"raw": base64.urlsafe_b64encode(raw).decode()}}


def kinds(gmail: Gmail, start: str) -> list[tuple[str, str]]:
    records = gmail.get("/history", startHistoryId=start).get("history", [])
    return [
        (kind, change["message"]["id"])
        for record in records
        for kind in ("messagesAdded", "messagesDeleted")
        for change in record.get(kind, [])
    ]


def test_a_draft_is_a_message_with_the_label_draft(gmail: Gmail) -> None:
    draft = gmail.post("/drafts", message("First"))
    assert draft["message"]["labelIds"] == ["DRAFT"]
    shown = gmail.get(f"/drafts/{draft['id']}", format="metadata")
    assert {"name": "Subject", "value": "First"} in shown["message"]["payload"]["headers"]
    assert gmail.get("/messages", labelIds="DRAFT")["messages"][0]["id"] == draft["message"]["id"]


def test_a_changed_draft_keeps_its_id_and_thread_but_not_its_message(gmail: Gmail) -> None:
    draft = gmail.post("/drafts", message("First"))
    start = gmail.get("/profile")["historyId"]
    changed = gmail.ask("PUT", f"/drafts/{draft['id']}", message("Second")).json()
    assert changed["id"] == draft["id"]
    assert changed["message"]["threadId"] == draft["message"]["threadId"]
    before, after = draft["message"]["id"], changed["message"]["id"]
    assert before != after
    assert kinds(gmail, start) == [("messagesAdded", after), ("messagesDeleted", before)]


def test_drafts_are_listed_page_by_page_and_searched(gmail: Gmail) -> None:
    made = [gmail.post("/drafts", message(f"Number {n}"))["id"] for n in range(5)]
    gmail.post("/messages", {**message("Own")["message"], "labelIds": ["DRAFT"]})
    pages = gmail.pages("/drafts", "drafts", maxResults=2)
    assert [draft["id"] for page in pages for draft in page] == made[::-1]
    (found,) = gmail.get("/drafts", q="subject:3")["drafts"]
    assert found["id"] == made[3]


def test_a_sent_draft_is_gone_and_its_mail_is_sent(gmail: Gmail, control: SandboxControl) -> None:
    control.create_mailbox("second@example.com")
    draft = gmail.post("/drafts", message("Sent", to="second@example.com"))
    sent = gmail.post("/drafts/send", {"id": draft["id"]})
    assert sent["labelIds"] == ["SENT"]
    assert sent["id"] != draft["message"]["id"]
    assert sent["threadId"] == draft["message"]["threadId"]
    assert gmail.ask("GET", f"/drafts/{draft['id']}").status_code == 404
    assert gmail.get("/drafts").get("drafts") is None
    second = Gmail(control.url, control.sign_in("second@example.com")["access_token"])
    assert len(second.ids(q="subject:sent in:inbox")) == 1


def test_a_deleted_message_takes_its_draft_with_it(gmail: Gmail) -> None:
    draft = gmail.post("/drafts", message("First"))
    assert gmail.ask("DELETE", f"/messages/{draft['message']['id']}").status_code == 204
    assert gmail.ask("GET", f"/drafts/{draft['id']}").status_code == 404
    other = gmail.post("/drafts", message("Second"))
    assert gmail.ask("DELETE", f"/drafts/{other['id']}").status_code == 204
    assert gmail.ask("GET", f"/messages/{other['message']['id']}").status_code == 404


def test_what_is_no_draft_is_refused(gmail: Gmail) -> None:
    assert gmail.ask("POST", "/drafts", {}).status_code == 400
    assert gmail.ask("POST", "/drafts", {"message": {"raw": 5}}).status_code == 400
    assert gmail.ask("POST", "/drafts/send", {"id": ["r1"]}).status_code == 400
    assert gmail.ask("POST", "/drafts/send", {"id": "r1"}).status_code == 404
    assert gmail.ask("PUT", "/drafts/r1", message("x")).status_code == 404
    unknown = {"message": {**message("x")["message"], "threadId": "18c0ffee"}}
    assert gmail.ask("POST", "/drafts", unknown).status_code == 404
