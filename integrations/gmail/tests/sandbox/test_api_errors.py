"""How the Gmail API refuses: tokens, scopes, parameters, bodies, ids."""

import base64

import pytest
import requests

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail

AUTH = "https://www.googleapis.com/auth/gmail."
RAW = base64.urlsafe_b64encode(b"To: other@example.com\r\n\r\nHi").decode()


def _with(sandbox: SandboxServer, *scopes: str) -> Gmail:
    tokens = sandbox.control.sign_in(scopes=[AUTH + scope for scope in scopes])
    return Gmail(sandbox.url, tokens["access_token"])


def _error(response: requests.Response, status: int) -> tuple[str, str]:
    """Reason and message, after a check of the form."""
    error = response.json()["error"]
    assert response.status_code == error["code"] == status, response.text
    assert set(error) - {"details"} == {"code", "message", "errors", "status"}
    assert set(error["errors"][0]) >= {"message", "domain", "reason"}
    return error["errors"][0]["reason"], error["message"]


def test_missing_token(sandbox: SandboxServer) -> None:
    response = requests.get(f"{sandbox.url}/gmail/v1/users/me/profile", timeout=20)
    assert _error(response, 401)[0] == "required"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", ["unknown", "", "ÿ", "a b"])
def test_wrong_token(sandbox: SandboxServer, token: str) -> None:
    response = requests.get(
        f"{sandbox.url}/gmail/v1/users/me/profile",
        headers={"Authorization": f"Bearer {token}".encode("latin-1")},
        timeout=20,
    )
    assert _error(response, 401)[0] in ("authError", "required")


def test_token_in_the_url_is_not_taken(sandbox: SandboxServer) -> None:
    token = sandbox.control.sign_in()["access_token"]
    response = requests.get(
        f"{sandbox.url}/gmail/v1/users/me/profile", params={"access_token": token}, timeout=20
    )
    assert response.status_code == 401
    assert "access_token" not in sandbox.control.requests()[-1]["query"]


def test_expired_token(gmail: Gmail, control: SandboxControl) -> None:
    control.expire_access_tokens(DEFAULT_MAILBOX)
    response = gmail.ask("GET", "/profile")
    assert _error(response, 401)[0] == "authError"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("scope", "method", "path", "allowed"),
    [
        ("readonly", "GET", "/messages", True),
        ("readonly", "POST", "/messages/x/trash", False),
        ("modify", "POST", "/messages/x/trash", True),
        ("modify", "DELETE", "/messages/x", False),
        ("labels", "GET", "/labels", True),
        ("labels", "GET", "/profile", False),
        ("send", "GET", "/messages", False),
        ("metadata", "GET", "/history", True),
        ("insert", "POST", "/messages", True),
        ("insert", "POST", "/messages/send", False),
    ],
)
def test_scope_decides(
    sandbox: SandboxServer, scope: str, method: str, path: str, allowed: bool
) -> None:
    response = _with(sandbox, scope).ask(method, path, {} if method == "POST" else None)
    assert (response.status_code != 403) == allowed
    if not allowed:
        assert _error(response, 403)[0] == "insufficientPermissions"


def test_metadata_scope_neither_searches_nor_reads_bodies(sandbox: SandboxServer) -> None:
    message_id = sandbox.control.deliver()["id"]
    for gmail in (_with(sandbox, "metadata"), _with(sandbox, "metadata", "readonly")):
        assert "'q'" in _error(gmail.ask("GET", "/messages", q="x"), 403)[1]
        assert gmail.ask("GET", "/messages").status_code == 200
        for form in ("full", "raw"):
            response = gmail.ask("GET", f"/messages/{message_id}", format=form)
            assert form.upper() in _error(response, 403)[1]
        for form in ("minimal", "metadata"):
            response = gmail.ask("GET", f"/messages/{message_id}", format=form)
            assert response.status_code == 200


def test_mailbox_may_be_named_by_its_own_address_only(
    sandbox: SandboxServer, control: SandboxControl
) -> None:
    control.create_mailbox("second@example.com")
    token = control.sign_in()["access_token"]
    assert Gmail(sandbox.url, token, "User@Example.com").get("/profile")
    other = Gmail(sandbox.url, token, "second@example.com").ask("GET", "/profile")
    assert "Delegation denied" in _error(other, 403)[1]


@pytest.mark.parametrize(
    "path", ["/messages/18c0ffee18c0ffee", "/threads/x", "/labels/x", "/messages/x/attachments/y"]
)
def test_unknown_ids_are_not_found(gmail: Gmail, path: str) -> None:
    assert _error(gmail.ask("GET", path), 404)[0] == "notFound"


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/messages", {"unknown": "1"}, "unknown"),
        ("/messages", {"maxResults": "many"}, "max_results"),
        ("/messages", {"maxResults": "٣"}, "max_results"),
        ("/messages", {"includeSpamTrash": "maybe"}, "includeSpamTrash"),
        ("/messages", {"pageToken": "nonsense"}, "pageToken"),
        ("/messages", {"pageToken": "aDo1"}, "pageToken"),
        ("/messages", {"alt": "media"}, "alt"),
        ("/messages", {"fields": "messages(id"}, "messages(id"),
        ("/messages/x", {"format": "pretty"}, "format"),
        ("/threads/x", {"format": "raw"}, "format"),
    ],
)
def test_wrong_parameters_are_named(
    gmail: Gmail, path: str, query: dict[str, str], said: str
) -> None:
    assert said in _error(gmail.ask("GET", path, **query), 400)[1]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/messages/x/modify", {}, "No label"),
        ("/messages/x/modify", {"addLabelIds": "INBOX"}, "addLabelIds"),
        ("/messages/x/modify", {"addLabelIds": ["SENT"]}, "SENT"),
        ("/messages/x/modify", {"addLabelIds": ["Label_9"]}, "Label_9"),
        ("/messages/x/modify", {"addLabelIds": ["A"], "removeLabelIds": ["A"]}, "both"),
        ("/messages/batchModify", {"addLabelIds": ["INBOX"]}, "ids"),
        ("/messages", {}, "raw"),
        ("/messages", {"raw": "!"}, "raw"),
        ("/messages", {"raw": RAW, "threadId": 5}, "thread_id"),
        ("/messages", {"raw": RAW, "labelIds": ["Label_9"]}, "Label_9"),
        ("/messages/send", {"raw": base64.urlsafe_b64encode(b"\r\nHi").decode()}, "Recipient"),
        ("/messages", [], "JSON"),
    ],
)
def test_wrong_bodies_are_explained(gmail: Gmail, path: str, body: object, said: str) -> None:
    assert said in _error(gmail.ask("POST", path, body), 400)[1]


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"raw": "\\ud800"}', b"[" * 100_000])
def test_body_that_is_no_json_is_refused(gmail: Gmail, content: bytes) -> None:
    response = gmail.session.post(f"{gmail.root}/messages", data=content, timeout=20)
    assert _error(response, 400)[0] == "parseError"


def test_batch_with_one_unknown_id_changes_nothing(gmail: Gmail, control: SandboxControl) -> None:
    message_id = control.deliver()["id"]
    body = {"ids": [message_id, "x"], "addLabelIds": ["STARRED"]}
    assert gmail.ask("POST", "/messages/batchModify", body).status_code == 404
    assert "STARRED" not in gmail.get(f"/messages/{message_id}")["labelIds"]
