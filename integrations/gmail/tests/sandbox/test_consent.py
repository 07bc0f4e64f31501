"""The authorization endpoint: what the page shows, what it refuses, where it sends the browser."""

import re
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from integrations.gmail.sandbox.control_client import ControlFailedError, SandboxControl
from integrations.gmail.sandbox.grants import MAIL
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

READ = "https://www.googleapis.com/auth/gmail.readonly"
SETTINGS = "https://www.googleapis.com/auth/gmail.settings.basic"
CALLBACK = "http://127.0.0.1:9/callback?kept=yes"
USUAL = {
    "access_type": "offline",
    "prompt": "consent",
    "scope": f"{MAIL} {SETTINGS}",
    "response_type": "code",
    "redirect_uri": CALLBACK,
    "state": "gmail",
    "client_id": "sandbox-client",
}


def _url(sandbox: SandboxServer, **changed: str | None) -> str:
    query = {k: v for k, v in (USUAL | changed).items() if v is not None}
    return f"{sandbox.url}/o/oauth2/v2/auth?{urlencode(query)}"


def _press(url: str, **form: str | list[str]) -> requests.Response:
    """What the browser sends when a button of the page is pressed."""
    page = requests.get(url, timeout=20)
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action, page.text
    parts = urlsplit(url)
    target = f"{parts.scheme}://{parts.netloc}{unescape(action[1])}"
    return requests.post(target, data=form, allow_redirects=False, timeout=20)


def _answer(response: requests.Response) -> dict[str, str]:
    assert response.status_code == 302, response.text
    location = urlsplit(response.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == CALLBACK.partition("?")[0]
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def test_page_lists_scopes_as_labelled_checkboxes_and_the_accounts(sandbox: SandboxServer) -> None:
    sandbox.control.create_mailbox("second@example.com")
    page = requests.get(_url(sandbox, login_hint="second@example.com"), timeout=20)
    assert page.headers["Content-Type"].startswith("text/html")
    boxes = re.findall(
        r'<label><input type="checkbox" name="scope" value="([^"]+)" checked', page.text
    )
    assert boxes == [MAIL, SETTINGS]
    accounts = re.findall(
        r'type="radio" name="account" value="([^"]+)" required( checked)?', page.text
    )
    assert accounts == [(DEFAULT_MAILBOX, ""), ("second@example.com", " checked")]
    assert '<html lang="en">' in page.text


def test_allow_redirects_with_code_state_and_granted_scope(sandbox: SandboxServer) -> None:
    response = _press(
        _url(sandbox), decision="allow", account=DEFAULT_MAILBOX, scope=[MAIL, SETTINGS]
    )
    answer = _answer(response)
    assert answer["code"].startswith("4/")
    assert answer["state"] == "gmail"
    assert answer["scope"] == f"{MAIL} {SETTINGS}"
    assert answer["kept"] == "yes"


def test_unticked_scope_is_not_granted(sandbox: SandboxServer) -> None:
    response = _press(_url(sandbox), decision="allow", account=DEFAULT_MAILBOX, scope=[SETTINGS])
    assert _answer(response)["scope"] == SETTINGS


def test_nothing_ticked_is_a_refusal(sandbox: SandboxServer) -> None:
    response = _press(_url(sandbox), decision="allow", account=DEFAULT_MAILBOX)
    assert _answer(response)["error"] == "access_denied"


def test_scope_that_was_not_asked_for_cannot_be_granted(sandbox: SandboxServer) -> None:
    response = _press(
        _url(sandbox, scope=SETTINGS),
        decision="allow",
        account=DEFAULT_MAILBOX,
        scope=[SETTINGS, MAIL],
    )
    assert _answer(response)["scope"] == SETTINGS


def test_deny_redirects_with_access_denied_and_the_state(sandbox: SandboxServer) -> None:
    answer = _answer(_press(_url(sandbox), decision="deny"))
    assert answer == {"error": "access_denied", "state": "gmail", "kept": "yes"}


def test_state_comes_back_letter_by_letter(sandbox: SandboxServer) -> None:
    state = 'a+b/c=&d e%20ü"<>'
    answer = _answer(_press(_url(sandbox, state=state), decision="deny"))
    assert answer["state"] == state


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": "https://example.com/callback"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://user@127.0.0.1/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1/#x"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://[::1"}, 400, "redirect_uri_mismatch"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"scope": None}, 400, "invalid_request"),
        ({"scope": "https://www.googleapis.com/auth/gmail.everything"}, 400, "invalid_scope"),
        ({"access_type": "sometimes"}, 400, "invalid_request"),
        ({"prompt": "please"}, 400, "invalid_request"),
        ({"prompt": "none consent"}, 400, "invalid_request"),
        ({"code_challenge": "short", "code_challenge_method": "S256"}, 400, "invalid_request"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "MD5"}, 400, "invalid_request"),
        ({"code_challenge_method": "S256"}, 400, "invalid_request"),
        ({"state": "x" * 5000}, 400, "invalid_request"),
    ],
)
def test_wrong_request_is_shown_and_not_redirected(
    sandbox: SandboxServer, changed: dict[str, str | None], status: int, error: str
) -> None:
    page = requests.get(_url(sandbox, **changed), allow_redirects=False, timeout=20)
    assert page.status_code == status
    assert f"Error {status}: {error}" in page.text


def test_registered_redirect_uris_are_compared_exactly(sandbox: SandboxServer) -> None:
    sandbox.control.register_client("app", "secret", ["https://app.example.com/back"])
    for uri, status in (
        ("https://app.example.com/back", 200),
        ("https://app.example.com/back/", 400),
        ("http://127.0.0.1/back", 400),
    ):
        page = requests.get(_url(sandbox, client_id="app", redirect_uri=uri), timeout=20)
        assert page.status_code == status


def test_what_comes_from_outside_is_escaped(sandbox: SandboxServer) -> None:
    evil = '"><script>alert(1)</script>'
    for changed in ({"client_id": evil}, {"redirect_uri": evil}, {"scope": evil}, {"state": evil}):
        page = requests.get(_url(sandbox, **changed), timeout=20)
        assert "<script" not in page.text


def test_names_that_an_application_chose_are_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    with SandboxServer(open_registration=True) as sandbox:
        for changed in ({"client_id": evil}, {"redirect_uri": f"http://127.0.0.1/{evil}"}):
            page = requests.get(_url(sandbox, **changed), timeout=20)
            assert page.status_code == 200
            assert "<script" not in page.text


def test_prompt_none_is_answered_without_a_page(sandbox: SandboxServer) -> None:
    response = requests.get(_url(sandbox, prompt="none"), allow_redirects=False, timeout=20)
    assert _answer(response)["error"] == "interaction_required"


def test_unknown_account_is_an_error_page(sandbox: SandboxServer) -> None:
    response = _press(_url(sandbox), decision="allow", account="x@example.com", scope=[MAIL])
    assert response.status_code == 400
    assert "no such account" in response.text


def test_open_registration_takes_any_client(sandbox: SandboxServer) -> None:
    with SandboxServer(open_registration=True) as open_one:
        tokens = open_one.control.sign_in(client=("anything", "a secret"))
        assert tokens["access_token"]
        with pytest.raises(requests.HTTPError, match="401"):
            open_one.control.sign_in(client=("anything", "another secret"))


def test_approve_answers_for_the_user(sandbox: SandboxServer, control: SandboxControl) -> None:
    allowed = urlsplit(control.approve(_url(sandbox), scopes=[MAIL]))
    assert parse_qs(allowed.query)["scope"] == [MAIL]
    denied = urlsplit(control.approve(_url(sandbox), deny=True))
    assert parse_qs(denied.query)["error"] == ["access_denied"]


def test_approve_says_what_is_wrong_with_the_url(
    sandbox: SandboxServer, control: SandboxControl
) -> None:
    with pytest.raises(ControlFailedError, match="redirect_uri_mismatch"):
        control.approve(_url(sandbox, redirect_uri="https://example.com/"))
    with pytest.raises(ControlFailedError, match="not asked for"):
        control.approve(_url(sandbox), scopes=[READ])
    with pytest.raises(ControlFailedError, match="authorization URL"):
        control.approve(f"{sandbox.url}/elsewhere")
    with pytest.raises(ControlFailedError, match="no mailbox"):
        control.approve(_url(sandbox), "nobody@example.com")
