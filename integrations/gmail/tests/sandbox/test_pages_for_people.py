"""The page at the root, and what a foreign web page may not do through somebody's browser."""

import pytest
import requests

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.server import SandboxServer
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail

FORM = {"address": DEFAULT_MAILBOX, "from": "me@example.com", "subject": "By hand", "text": "Hi"}


def test_root_says_what_this_is_and_lists_mailboxes(sandbox: SandboxServer) -> None:
    page = requests.get(sandbox.url, timeout=20)
    assert "stand-in for Google" in page.text
    assert DEFAULT_MAILBOX in page.text


def test_form_delivers_a_mail(sandbox: SandboxServer, gmail: Gmail) -> None:
    page = requests.post(
        f"{sandbox.url}/deliver", data=FORM, headers={"Origin": sandbox.url}, timeout=20
    )
    assert page.status_code == 200
    (found,) = gmail.ids(q='subject:"By hand" is:unread in:inbox')
    assert found in page.text


def test_form_with_an_unknown_mailbox_or_a_line_break_is_refused(sandbox: SandboxServer) -> None:
    for changed in ({"address": "<b>@example.com"}, {"subject": "a\nBcc: b@example.com"}):
        page = requests.post(f"{sandbox.url}/deliver", data=FORM | changed, timeout=20)
        assert page.status_code in (400, 404)
        assert "error" in page.json()


def test_mail_cannot_put_markup_into_the_page(
    sandbox: SandboxServer, control: SandboxControl
) -> None:
    page = requests.post(
        f"{sandbox.url}/deliver", data=FORM | {"subject": "<script>x</script>"}, timeout=20
    )
    assert "<script" not in page.text


@pytest.mark.parametrize("path", ["/deliver", "/_control/mailboxes", "/o/oauth2/v2/auth"])
def test_requests_from_other_sites_are_refused(sandbox: SandboxServer, path: str) -> None:
    for origin in ("https://evil.example.com", "null"):
        response = requests.post(
            f"{sandbox.url}{path}", data=FORM, headers={"Origin": origin}, timeout=20
        )
        assert response.status_code == 403


def test_control_takes_no_form(sandbox: SandboxServer) -> None:
    response = requests.post(
        f"{sandbox.url}/_control/mailboxes",
        data='{"address": "x@example.com"}',
        headers={"Content-Type": "text/plain"},
        timeout=20,
    )
    assert response.status_code == 415


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:8025", "[::1", ""])
def test_foreign_host_names_are_refused(sandbox: SandboxServer, host: str) -> None:
    response = requests.get(f"{sandbox.url}/", headers={"Host": host}, timeout=20)
    assert response.status_code in (400, 421)


def test_pages_carry_headers_against_framing_and_scripts(sandbox: SandboxServer) -> None:
    headers = requests.get(sandbox.url, timeout=20).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
