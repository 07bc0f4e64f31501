"""Every answer has only fields that Google documents, in Google's types."""

import base64
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.methods import METHODS, STANDARD_PARAMETERS
from integrations.gmail.sandbox.quota import GENERATIONS
from tests.discovery import Discovery

from .conftest import Gmail

GMAIL = Discovery("gmail.v1")
DOCUMENT, conforms = GMAIL.document, GMAIL.conforms
ADDONS = "https://www.googleapis.com/auth/gmail.addons."


def _documented(resources: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in resources.values():
        for method in resource.get("methods", {}).values():
            yield method["id"].removeprefix("gmail.users."), method
        yield from _documented(resource.get("resources", {}))


@pytest.fixture
def message_id(control: SandboxControl) -> str:
    """A mail with everything in it."""
    delivered = control.deliver(
        subject="Grüße",
        text="Schöne Grüße",
        html="<p>Schöne Grüße</p>",
        attachments=[{"filename": "ä.txt", "mime_type": "text/plain", "text": "x" * 100}],
        labels=["INBOX", "UNREAD", "Projekt Ä"],
    )
    return str(delivered["id"])


def test_a_schema_check_notices_unknown_fields_and_wrong_types() -> None:
    conforms({"id": "18", "historyId": "5"}, "Message")
    for wrong in ({"historyId": 5}, {"more": 1}, {"historyId": "-1"}, {"payload": {"size": 1}}):
        with pytest.raises(jsonschema.ValidationError):
            conforms(wrong, "Message")


@pytest.mark.parametrize("form", ["minimal", "metadata", "full", "raw"])
def test_message_in_every_format(gmail: Gmail, message_id: str, form: str) -> None:
    conforms(gmail.get(f"/messages/{message_id}", format=form), "Message")


@pytest.mark.parametrize("form", ["minimal", "metadata", "full"])
def test_thread_in_every_format(gmail: Gmail, message_id: str, form: str) -> None:
    conforms(gmail.get(f"/threads/{message_id}", format=form), "Thread")


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("/profile", "Profile"),
        ("/messages", "ListMessagesResponse"),
        ("/messages?q=nothinglikethis", "ListMessagesResponse"),
        ("/messages?maxResults=1", "ListMessagesResponse"),
        ("/threads", "ListThreadsResponse"),
        ("/threads?maxResults=1", "ListThreadsResponse"),
        ("/labels", "ListLabelsResponse"),
        ("/labels/INBOX", "Label"),
        ("/labels/Label_1", "Label"),
    ],
)
def test_lists_and_labels(gmail: Gmail, message_id: str, path: str, schema: str) -> None:
    conforms(gmail.get(path), schema)


def test_attachment(gmail: Gmail, message_id: str) -> None:
    parts = gmail.get(f"/messages/{message_id}")["payload"]["parts"]
    attachment_id = parts[-1]["body"]["attachmentId"]
    body = gmail.get(f"/messages/{message_id}/attachments/{attachment_id}")
    conforms(body, "MessagePartBody")
    assert base64.urlsafe_b64decode(body["data"]).strip() == b"x" * 100


def test_history_with_every_kind_of_change(gmail: Gmail, control: SandboxControl) -> None:
    start = gmail.get("/profile")["historyId"]
    message_id = control.deliver()["id"]
    control.trash(message_id)
    control.delete(message_id)
    answer = gmail.get("/history", startHistoryId=start, maxResults=2)
    conforms(answer, "ListHistoryResponse")
    rest = gmail.get("/history", startHistoryId=start, pageToken=answer["nextPageToken"])
    conforms(rest, "ListHistoryResponse")
    kinds = {kind for record in answer["history"] + rest["history"] for kind in record}
    assert kinds >= {"messagesAdded", "messagesDeleted", "labelsAdded", "labelsRemoved"}


def test_answers_to_changes(gmail: Gmail, message_id: str) -> None:
    raw = base64.urlsafe_b64encode(b"To: other@example.com\r\nSubject: Hi\r\n\r\nHi").decode()
    conforms(gmail.post(f"/messages/{message_id}/modify", {"addLabelIds": ["STARRED"]}), "Message")
    conforms(gmail.post(f"/messages/{message_id}/trash"), "Message")
    conforms(gmail.post(f"/messages/{message_id}/untrash"), "Message")
    conforms(gmail.post("/messages", {"raw": raw}), "Message")
    conforms(gmail.post("/messages/import", {"raw": raw}), "Message")
    conforms(gmail.post("/messages/send", {"raw": raw}), "Message")
    assert (
        gmail.post("/messages/batchModify", {"ids": [message_id], "addLabelIds": ["INBOX"]}) is None
    )
    assert gmail.ask("DELETE", f"/messages/{message_id}").status_code == 204


def test_drafts_and_threads(gmail: Gmail, control: SandboxControl) -> None:
    raw = base64.urlsafe_b64encode(b"To: other@example.com\r\nSubject: Hi\r\n\r\nHi").decode()
    draft = gmail.post("/drafts", {"message": {"raw": raw}})
    conforms(draft, "Draft")
    for form in ("minimal", "metadata", "full", "raw"):
        conforms(gmail.get(f"/drafts/{draft['id']}", format=form), "Draft")
    conforms(gmail.get("/drafts"), "ListDraftsResponse")
    updated = gmail.ask("PUT", f"/drafts/{draft['id']}", {"message": {"raw": raw}})
    conforms(updated.json(), "Draft")
    conforms(gmail.post("/drafts/send", {"id": draft["id"]}), "Message")
    conforms(gmail.get("/drafts"), "ListDraftsResponse")
    thread_id = control.deliver()["threadId"]
    conforms(gmail.post(f"/threads/{thread_id}/modify", {"addLabelIds": ["STARRED"]}), "Thread")
    conforms(gmail.post(f"/threads/{thread_id}/trash"), "Thread")
    conforms(gmail.post(f"/threads/{thread_id}/untrash"), "Thread")


def test_watching(gmail: Gmail) -> None:
    conforms(gmail.post("/watch", {"topicName": "projects/p/topics/gmail"}), "WatchResponse")
    assert gmail.post("/stop") is None


def test_changed_labels(gmail: Gmail) -> None:
    color = {"backgroundColor": "#16a766", "textColor": "#ffffff"}
    label = gmail.post("/labels", {"name": "Work", "color": color})
    conforms(label, "Label")
    for verb in ("PATCH", "PUT"):
        answer = gmail.ask(verb, f"/labels/{label['id']}", {"name": f"By {verb}"})
        conforms(answer.json(), "Label")
    conforms(gmail.get("/labels"), "ListLabelsResponse")


def test_settings(control: SandboxControl) -> None:
    scopes = [f"https://www.googleapis.com/auth/gmail.settings.{s}" for s in ("basic", "sharing")]
    owner = Gmail(control.url, control.sign_in(scopes=scopes)["access_token"])
    schemas = {
        "vacation": "VacationSettings",
        "autoForwarding": "AutoForwarding",
        "imap": "ImapSettings",
        "pop": "PopSettings",
    }
    for name, schema in schemas.items():
        conforms(owner.get(f"/settings/{name}"), schema)
        conforms(owner.ask("PUT", f"/settings/{name}", {}).json(), schema)
    wish = {"criteria": {"from": "a"}, "action": {"addLabelIds": ["STARRED"]}}
    for name, item, schema, body in (
        ("filters", "filter", "Filter", wish),
        ("forwardingAddresses", "", "ForwardingAddress", {"forwardingEmail": "a@example.com"}),
        ("sendAs", "", "SendAs", None),
    ):
        made = owner.post(f"/settings/{name}", body) if body else None
        conforms(made or {}, schema)
        listed = owner.get(f"/settings/{name}")
        conforms(listed, f"List{name[0].upper()}{name[1:]}Response")
        assert len(listed[item or name]) == 1


def test_every_method_stands_where_the_document_says() -> None:
    documented = dict(_documented({"users": DOCUMENT["resources"]["users"]}))
    for method in METHODS:
        there = documented[method.name]
        path = f"gmail/v1/users/{{userId}}{method.path}"
        required = set(there.get("parameterOrder", []))
        assert (there["httpMethod"], there["path"]) == (method.verb, path)
        # history.list requires startHistoryId in practice; the document calls it optional.
        assert set(there["parameters"]) - required == method.parameters, method.name
        scopes = {scope for scope in there["scopes"] if not scope.startswith(ADDONS)}
        assert scopes == method.scopes, method.name
    assert set(DOCUMENT["parameters"]) == STANDARD_PARAMETERS


def test_every_method_has_a_price_in_both_generations() -> None:
    for generation in GENERATIONS.values():
        assert {method.name for method in METHODS} <= generation.costs.keys()
