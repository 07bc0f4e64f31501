"""Google's own Python client works against the sandbox as it does against Google."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import google_auth_httplib2
import googleapiclient
import httplib2
import pytest
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_CLIENT, DEFAULT_MAILBOX

DOCUMENT = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / "gmail.v1.json"


@pytest.fixture(autouse=True)
def no_other_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that turned to Google itself would fail at once."""
    look_up = socket.getaddrinfo

    def only_loopback(host: str, *more: Any, **options: Any) -> Any:
        assert host in ("127.0.0.1", "localhost"), f"{host} is not this machine"
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", only_loopback)


@pytest.fixture
def credentials(sandbox: SandboxServer) -> Credentials:
    tokens = sandbox.control.sign_in()
    return Credentials(  # type: ignore[no-untyped-call]  # google-auth is typed in parts
        token=tokens["access_token"],
        refresh_token=tokens["refresh_token"],
        token_uri=f"{sandbox.url}/token",
        client_id=DEFAULT_CLIENT[0],
        client_secret=DEFAULT_CLIENT[1],
    )


@pytest.fixture
def users(sandbox: SandboxServer, credentials: Credentials) -> Iterator[Any]:
    """The client's `users()`, at the sandbox."""
    http = google_auth_httplib2.AuthorizedHttp(credentials, http=httplib2.Http(timeout=20))
    service = build_from_document(
        json.loads(DOCUMENT.read_text("utf-8")),
        http=http,
        client_options={"api_endpoint": sandbox.url},
    )
    with service:
        yield service.users()


def test_profile_list_and_get(users: Any, control: SandboxControl) -> None:
    message_id = control.deliver(subject="For the client", text="Hello client")["id"]
    assert users.getProfile(userId="me").execute()["emailAddress"] == DEFAULT_MAILBOX
    found = users.messages().list(userId="me", q="subject:client").execute()
    assert [message["id"] for message in found["messages"]] == [message_id]
    message = users.messages().get(userId="me", id=message_id, format="full").execute()
    assert message["snippet"] == "Hello client"


def test_list_next_walks_all_pages(users: Any, control: SandboxControl) -> None:
    delivered = {message["id"] for message in control.deliver_many(25, labels=["Walk"])}
    label_id = control.create_label("Walk")["label_id"]
    seen: list[str] = []
    request = users.messages().list(userId="me", labelIds=[label_id], maxResults=10)
    pages = 0
    while request is not None:
        answer = request.execute()
        pages += 1
        seen += [message["id"] for message in answer["messages"]]
        request = users.messages().list_next(request, answer)
    assert pages == 3
    assert len(seen) == 25
    assert set(seen) == delivered


def test_history_list_next_walks_all_pages(users: Any, control: SandboxControl) -> None:
    start = users.getProfile(userId="me").execute()["historyId"]
    delivered = [message["id"] for message in control.deliver_many(23)]
    request = users.history().list(userId="me", startHistoryId=start, maxResults=10)
    seen: list[str] = []
    while request is not None:
        answer = request.execute()
        for record in answer["history"]:
            seen += [added["message"]["id"] for added in record["messagesAdded"]]
        request = users.history().list_next(request, answer)
    assert seen == delivered
    assert answer["historyId"] == users.getProfile(userId="me").execute()["historyId"]


def test_expired_access_token_is_refreshed(
    users: Any, credentials: Credentials, control: SandboxControl
) -> None:
    before = credentials.token
    assert control.expire_access_tokens() == 1
    users.labels().list(userId="me").execute()
    assert credentials.token != before


def test_revoked_refresh_token_is_an_invalid_grant(users: Any, control: SandboxControl) -> None:
    assert control.revoke(DEFAULT_MAILBOX) == 1
    with pytest.raises(RefreshError, match="invalid_grant"):
        users.labels().list(userId="me").execute()


def test_not_found_is_an_http_error_with_its_reason(users: Any) -> None:
    with pytest.raises(HttpError) as caught:
        users.messages().get(userId="me", id="18c0ffee18c0ffee").execute()
    assert caught.value.status_code == 404
    assert caught.value.reason == "Requested entity was not found."
    assert caught.value.error_details[0]["reason"] == "notFound"


def test_client_retries_a_server_error_by_itself(users: Any, control: SandboxControl) -> None:
    control.add_fault({"path_regex": "/labels$"}, {"status": 503}, times=1)
    request = users.labels().list(userId="me")
    request._sleep = lambda seconds: None  # the client's own hook for tests
    assert request.execute(num_retries=1)["labels"]


def test_client_sees_a_rate_limit(users: Any, control: SandboxControl) -> None:
    control.add_fault({}, {"status": 403, "reason": "userRateLimitExceeded"}, times=1)
    with pytest.raises(HttpError) as caught:
        users.labels().list(userId="me").execute()
    assert caught.value.error_details[0] == {
        "message": "Forbidden",
        "domain": "usageLimits",
        "reason": "userRateLimitExceeded",
    }


def test_client_changes_and_deletes(users: Any, control: SandboxControl) -> None:
    message_id = control.deliver()["id"]
    changed = users.messages().modify(
        userId="me", id=message_id, body={"removeLabelIds": ["UNREAD"]}
    )
    assert changed.execute()["labelIds"] == ["INBOX"]
    users.messages().delete(userId="me", id=message_id).execute()
    with pytest.raises(HttpError, match="404"):
        users.messages().get(userId="me", id=message_id).execute()


def test_client_works_with_drafts_labels_and_threads(users: Any, control: SandboxControl) -> None:
    raw = base64.urlsafe_b64encode(b"To: a@example.org\r\nSubject: Draft\r\n\r\nText").decode()
    draft = users.drafts().create(userId="me", body={"message": {"raw": raw}}).execute()
    listed = users.drafts().list(userId="me").execute()
    assert [item["id"] for item in listed["drafts"]] == [draft["id"]]
    sent = users.drafts().send(userId="me", body={"id": draft["id"]}).execute()
    assert sent["labelIds"] == ["SENT"]
    label = users.labels().create(userId="me", body={"name": "Client"}).execute()
    change = {"addLabelIds": [label["id"]]}
    users.threads().modify(userId="me", id=sent["threadId"], body=change).execute()
    assert users.labels().get(userId="me", id=label["id"]).execute()["threadsTotal"] == 1
    users.labels().delete(userId="me", id=label["id"]).execute()
    users.threads().delete(userId="me", id=sent["threadId"]).execute()
    assert users.settings().getVacation(userId="me").execute()["enableAutoReply"] is False
    with pytest.raises(HttpError, match="insufficient authentication scopes"):
        users.settings().updateVacation(userId="me", body={}).execute()
