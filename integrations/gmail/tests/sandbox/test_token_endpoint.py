"""The token and revocation endpoints: what they give, and how they refuse."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from integrations.gmail.sandbox.grants import MAIL, MAX_REFRESH_TOKENS
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail

CALLBACK = "http://127.0.0.1:9/callback"
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}


def _code(sandbox: SandboxServer, **more: str) -> str:
    query = {
        "client_id": "sandbox-client",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": MAIL,
        "access_type": "offline",
        "prompt": "consent",
    } | more
    location = sandbox.control.approve(f"{sandbox.url}/o/oauth2/v2/auth?{urlencode(query)}")
    return parse_qs(urlsplit(location).query)["code"][0]


def _post(sandbox: SandboxServer, **form: str) -> requests.Response:
    return requests.post(f"{sandbox.url}/token", data=form, timeout=20)


def _exchange(sandbox: SandboxServer, code: str, **more: str) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    return _post(sandbox, **(form | CLIENT | more))


def _refresh(sandbox: SandboxServer, token: str, **more: str) -> requests.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    return _post(sandbox, **(form | CLIENT | more))


def _refused(response: requests.Response, status: int, error: str) -> str:
    assert (response.status_code, response.json()["error"]) == (status, error), response.text
    return str(response.json()["error_description"])


def test_code_gives_tokens_as_documented(sandbox: SandboxServer) -> None:
    response = _exchange(sandbox, _code(sandbox))
    answer: dict[str, Any] = response.json()
    assert response.status_code == 200
    assert answer.keys() == {"access_token", "expires_in", "refresh_token", "scope", "token_type"}
    assert (answer["expires_in"], answer["scope"], answer["token_type"]) == (3599, MAIL, "Bearer")
    assert response.headers["Cache-Control"] == "no-store"


def test_refresh_gives_another_access_token_and_no_refresh_token(sandbox: SandboxServer) -> None:
    first = _exchange(sandbox, _code(sandbox)).json()
    second = _refresh(sandbox, first["refresh_token"]).json()
    assert second.keys() == {"access_token", "expires_in", "scope", "token_type"}
    assert second["access_token"] != first["access_token"]
    assert Gmail(sandbox.url, first["access_token"]).get("/profile")
    assert Gmail(sandbox.url, second["access_token"]).get("/profile")


def test_client_may_authenticate_by_basic(sandbox: SandboxServer) -> None:
    form = {"grant_type": "authorization_code", "code": _code(sandbox), "redirect_uri": CALLBACK}
    response = requests.post(
        f"{sandbox.url}/token", data=form, auth=("sandbox-client", "sandbox-secret"), timeout=20
    )
    assert response.status_code == 200


def test_code_works_once(sandbox: SandboxServer) -> None:
    code = _code(sandbox)
    assert _exchange(sandbox, code).status_code == 200
    assert "already" in _refused(_exchange(sandbox, code), 400, "invalid_grant")


def test_refused_exchange_leaves_the_code_usable(sandbox: SandboxServer) -> None:
    code = _code(sandbox)
    _refused(_exchange(sandbox, code, client_secret="wrong"), 401, "invalid_client")
    assert _exchange(sandbox, code).status_code == 200


def test_code_dies_after_ten_minutes(sandbox: SandboxServer) -> None:
    early, late = _code(sandbox), _code(sandbox)
    sandbox.control.advance_clock(590)
    assert _exchange(sandbox, early).status_code == 200
    sandbox.control.advance_clock(11)
    assert "expired" in _refused(_exchange(sandbox, late), 400, "invalid_grant")


def test_code_is_bound_to_client_and_redirect_uri(sandbox: SandboxServer) -> None:
    sandbox.control.register_client("other", "secret")
    code = _code(sandbox)
    foreign = _exchange(sandbox, code, client_id="other", client_secret="secret")
    assert "another client" in _refused(foreign, 400, "invalid_grant")
    elsewhere = _exchange(sandbox, code, redirect_uri="http://127.0.0.1:9/elsewhere")
    _refused(elsewhere, 400, "redirect_uri_mismatch")


def test_pkce_verifier_must_fit(sandbox: SandboxServer) -> None:
    verifier = "v" * 64
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    code = _code(sandbox, code_challenge=challenge, code_challenge_method="S256")
    assert "Missing" in _refused(_exchange(sandbox, code), 400, "invalid_grant")
    wrong = _exchange(sandbox, code, code_verifier="w" * 64)
    assert "Invalid" in _refused(wrong, 400, "invalid_grant")
    assert _exchange(sandbox, code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        (CLIENT, 400, "invalid_request"),
        (CLIENT | {"grant_type": "password"}, 400, "unsupported_grant_type"),
        (CLIENT | {"grant_type": "authorization_code"}, 400, "invalid_request"),
        (CLIENT | {"grant_type": "refresh_token"}, 400, "invalid_request"),
        (CLIENT | {"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        ({"client_id": "nobody", "client_secret": "x"}, 401, "invalid_client"),
        ({"client_id": "sandbox-client"}, 401, "invalid_client"),
        (
            CLIENT | {"grant_type": "authorization_code", "code": "4/x", "redirect_uri": CALLBACK},
            400,
            "invalid_grant",
        ),
    ],
)
def test_wrong_requests_are_refused(
    sandbox: SandboxServer, form: dict[str, str], status: int, error: str
) -> None:
    _refused(_post(sandbox, **form), status, error)


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_body_that_is_no_form_is_refused(sandbox: SandboxServer, content_type: str) -> None:
    response = requests.post(
        f"{sandbox.url}/token",
        data=b"\xff\x00=\xfe",
        headers={"Content-Type": content_type},
        timeout=20,
    )
    _refused(response, 400, "invalid_request")


def test_parameter_given_twice_is_refused(sandbox: SandboxServer) -> None:
    response = requests.post(
        f"{sandbox.url}/token", data=[("code", "a"), ("code", "b")], timeout=20
    )
    _refused(response, 400, "invalid_request")


def test_refresh_token_comes_with_offline_access_at_the_first_consent_only(
    sandbox: SandboxServer,
) -> None:
    online = _exchange(sandbox, _code(sandbox, access_type="online")).json()
    assert "refresh_token" not in online
    sandbox.control.revoke()
    first = _exchange(sandbox, _code(sandbox, prompt="select_account")).json()
    assert "refresh_token" in first
    second = _exchange(sandbox, _code(sandbox, prompt="select_account")).json()
    assert "refresh_token" not in second
    assert "refresh_token" in _exchange(sandbox, _code(sandbox)).json()


def test_refresh_token_of_another_client_is_refused(sandbox: SandboxServer) -> None:
    sandbox.control.register_client("other", "secret")
    token = sandbox.control.sign_in()["refresh_token"]
    response = _refresh(sandbox, token, client_id="other", client_secret="secret")
    _refused(response, 400, "invalid_grant")


def test_access_token_dies_after_an_hour(sandbox: SandboxServer) -> None:
    gmail = Gmail(sandbox.url, sandbox.control.sign_in()["access_token"])
    sandbox.control.advance_clock(3590)
    assert gmail.ask("GET", "/profile").status_code == 200
    sandbox.control.advance_clock(10)
    assert gmail.ask("GET", "/profile").status_code == 401


def test_testing_mode_ends_after_seven_days(sandbox: SandboxServer) -> None:
    sandbox.control.register_client("testing", "secret", testing=True)
    tokens = sandbox.control.sign_in(client=("testing", "secret"))
    assert tokens["refresh_token_expires_in"] == 604_799
    own = {"client_id": "testing", "client_secret": "secret"}
    sandbox.control.advance_clock(6 * 86_400)
    assert _refresh(sandbox, tokens["refresh_token"], **own).status_code == 200
    sandbox.control.advance_clock(86_400)
    said = _refused(_refresh(sandbox, tokens["refresh_token"], **own), 400, "invalid_grant")
    assert said == "Token has been expired or revoked."


def test_oldest_of_too_many_refresh_tokens_dies_silently(sandbox: SandboxServer) -> None:
    tokens = [sandbox.control.sign_in()["refresh_token"] for _ in range(MAX_REFRESH_TOKENS + 1)]
    _refused(_refresh(sandbox, tokens[0]), 400, "invalid_grant")
    assert _refresh(sandbox, tokens[1]).status_code == 200
    assert sandbox.control.state()["tokens"]["refresh_tokens"] == MAX_REFRESH_TOKENS


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("place", ["data", "params"])
def test_revoking_one_token_takes_the_whole_consent(
    sandbox: SandboxServer, kind: str, place: str
) -> None:
    first, second = sandbox.control.sign_in(), sandbox.control.sign_in()
    given = {"token": first[kind]}
    sent = {place: given}
    response = requests.post(f"{sandbox.url}/revoke", timeout=20, **sent)  # type: ignore[arg-type]  # one of two keywords
    assert response.status_code == 200
    assert Gmail(sandbox.url, first["access_token"]).ask("GET", "/profile").status_code == 401
    _refused(_refresh(sandbox, second["refresh_token"]), 400, "invalid_grant")
    again = requests.post(f"{sandbox.url}/revoke", data=given, timeout=20)
    _refused(again, 400, "invalid_token")


def test_revoking_leaves_other_accounts_alone(sandbox: SandboxServer) -> None:
    sandbox.control.create_mailbox("second@example.com")
    sandbox.control.sign_in(DEFAULT_MAILBOX)
    other = sandbox.control.sign_in("second@example.com")
    assert sandbox.control.revoke(DEFAULT_MAILBOX) == 1
    assert _refresh(sandbox, other["refresh_token"]).status_code == 200


def test_revoking_leaves_the_accounts_other_clients_alone(sandbox: SandboxServer) -> None:
    sandbox.control.register_client("other", "secret")
    given_back = sandbox.control.sign_in()
    other = sandbox.control.sign_in(client=("other", "secret"))
    sent = {"token": given_back["access_token"]}
    assert requests.post(f"{sandbox.url}/revoke", data=sent, timeout=20).status_code == 200
    own = {"client_id": "other", "client_secret": "secret"}
    assert _refresh(sandbox, other["refresh_token"], **own).status_code == 200


def test_incremental_consent_adds_to_what_was_granted(sandbox: SandboxServer) -> None:
    labels = "https://www.googleapis.com/auth/gmail.labels"
    _exchange(sandbox, _code(sandbox, scope=labels))
    alone = _exchange(sandbox, _code(sandbox, scope=MAIL)).json()
    assert alone["scope"] == MAIL
    added = _exchange(sandbox, _code(sandbox, scope=MAIL, include_granted_scopes="true")).json()
    assert set(added["scope"].split()) == {MAIL, labels}
