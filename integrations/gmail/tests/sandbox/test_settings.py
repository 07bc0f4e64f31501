"""Settings: replaced as a whole, checked by Gmail's rules, kept."""

from collections.abc import Callable
from typing import Any

import pytest

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.grants import SCOPES
from integrations.gmail.sandbox.stand_in import DEFAULT_MAILBOX

from .conftest import Gmail

AUTH = "https://www.googleapis.com/auth/gmail."


@pytest.fixture
def settings_of(control: SandboxControl) -> Callable[..., Gmail]:
    def sign_in(*scopes: str) -> Gmail:
        return Gmail(control.url, control.sign_in(scopes=scopes)["access_token"])

    return sign_in


@pytest.fixture
def owner(settings_of: Callable[..., Gmail]) -> Gmail:
    return settings_of(f"{AUTH}settings.basic", f"{AUTH}settings.sharing", f"{AUTH}labels")


def put(gmail: Gmail, name: str, body: object) -> tuple[int, Any]:
    answer = gmail.ask("PUT", f"/settings/{name}", body)
    return answer.status_code, answer.json()


def test_a_put_replaces_the_whole(owner: Gmail) -> None:
    vacation = {"enableAutoReply": True, "responseSubject": "Away", "startTime": 1000}
    assert put(owner, "vacation", vacation)[0] == 200
    shown = owner.get("/settings/vacation")
    assert (shown["responseSubject"], shown["startTime"]) == ("Away", "1000")
    assert put(owner, "vacation", {"restrictToContacts": True})[0] == 200
    assert owner.get("/settings/vacation") == {
        "enableAutoReply": False,
        "restrictToContacts": True,
        "restrictToDomain": False,
    }


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("vacation", {"enableAutoReply": True}),
        ("vacation", {"enableAutoReply": "yes"}),
        ("vacation", {"startTime": "2", "endTime": "1"}),
        ("vacation", {"startTime": "soon"}),
        ("vacation", {"startTime": 2**63}),
        ("imap", {"maxFolderSize": 7}),
        ("imap", {"maxFolderSize": 2**31}),
        ("imap", {"expungeBehavior": "burn"}),
        ("pop", {"accessWindow": "accessWindowUnspecified"}),
        ("pop", {"more": 1}),
        ("autoForwarding", {"enabled": True, "emailAddress": "x@example.org"}),
    ],
)
def test_a_senseless_setting_is_refused_and_changes_nothing(
    owner: Gmail, name: str, body: object
) -> None:
    before = owner.get(f"/settings/{name}")
    assert put(owner, name, body)[0] == 400
    assert owner.get(f"/settings/{name}") == before


def test_mail_is_forwarded_only_to_an_accepted_address(
    owner: Gmail, control: SandboxControl
) -> None:
    control.create_mailbox("here@example.net")
    path = "/settings/forwardingAddresses"
    for address, status in (("here@example.net", "accepted"), ("far@example.org", "pending")):
        made = owner.post(path, {"forwardingEmail": address})
        assert made == {"forwardingEmail": address, "verificationStatus": status}
    assert owner.ask("POST", path, {"forwardingEmail": "far@example.org"}).status_code == 409
    assert owner.ask("POST", path, {"forwardingEmail": "nobody"}).status_code == 400
    wish = {"enabled": True, "disposition": "archive", "emailAddress": "far@example.org"}
    assert put(owner, "autoForwarding", wish)[0] == 400
    assert put(owner, "autoForwarding", {**wish, "emailAddress": "here@example.net"})[0] == 200
    assert owner.ask("DELETE", f"{path}/far@example.org").status_code == 204
    assert owner.ask("GET", f"{path}/far@example.org").status_code == 404
    assert len(owner.get(path)["forwardingAddresses"]) == 1


def test_filters_are_made_and_deleted_but_never_changed(owner: Gmail) -> None:
    path = "/settings/filters"
    assert owner.get(path) == {}
    wish = {"criteria": {"from": "news@example.com"}, "action": {"removeLabelIds": ["INBOX"]}}
    made = owner.post(path, wish)
    assert owner.get(f"{path}/{made['id']}") == {"id": made["id"], **wish}
    assert owner.ask("PUT", f"{path}/{made['id']}", wish).status_code == 405
    assert owner.ask("DELETE", f"{path}/{made['id']}").status_code == 204
    assert owner.ask("DELETE", f"{path}/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"criteria": {"from": "a"}},
        {"action": {"addLabelIds": ["STARRED"]}},
        {"criteria": {"from": "a"}, "action": {"addLabelIds": ["Label_99"]}},
        {"criteria": {"from": "a"}, "action": {"addLabelIds": "STARRED"}},
        {"criteria": {"from": "a"}, "action": {"forward": "x@example.org"}},
        {"criteria": {"size": 1.5}, "action": {"addLabelIds": ["STARRED"]}},
    ],
)
def test_a_senseless_filter_is_refused(owner: Gmail, wish: object) -> None:
    assert owner.ask("POST", "/settings/filters", wish).status_code == 400
    assert owner.get("/settings/filters") == {}


def test_the_own_address_is_the_one_to_send_as(owner: Gmail) -> None:
    path = f"/settings/sendAs/{DEFAULT_MAILBOX}"
    changed = owner.ask("PATCH", path, {"signature": "<b>Bye</b>"}).json()
    assert (changed["signature"], changed["isPrimary"]) == ("<b>Bye</b>", True)
    assert owner.get("/settings/sendAs")["sendAs"] == [changed]
    assert owner.ask("PUT", path, {"displayName": "User"}).json()["signature"] == ""
    assert owner.ask("GET", "/settings/sendAs/other@example.com").status_code == 404
    assert owner.ask("PATCH", path, {"isDefault": False}).status_code == 400


def test_each_change_needs_the_scope_that_google_wants(
    settings_of: Callable[..., Gmail], gmail: Gmail
) -> None:
    assert gmail.ask("PUT", "/settings/vacation", {}).status_code == 403, "mail is not settings"
    basic = settings_of(f"{AUTH}settings.basic")
    assert basic.ask("PUT", "/settings/vacation", {}).status_code == 200
    assert basic.ask("PUT", "/settings/autoForwarding", {}).status_code == 403
    assert set(SCOPES) >= {f"{AUTH}settings.basic", f"{AUTH}settings.sharing"}
