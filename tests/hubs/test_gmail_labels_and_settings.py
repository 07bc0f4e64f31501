"""Labels, history and settings of Gmail, through the hub API, against the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from elements import catalogue
from instances import provision
from integrations.gmail.element import ELEMENT
from integrations.gmail.sandbox.grants import MAIL
from integrations.gmail.sandbox.server import SandboxServer

API = "/elements/api-v2"
AUTH = "https://www.googleapis.com/auth/gmail.settings."


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return answer.json() if answer.content else None


@pytest.fixture
def settings_hub(
    organization: NewOrganization, sandbox: SandboxServer, client_for: Callable[..., APIClient]
) -> APIClient:
    """A client of an account that granted its settings too."""
    scopes = [MAIL, f"{AUTH}basic", f"{AUTH}sharing"]
    tokens = sandbox.control.sign_in(scopes=scopes)
    wish = provision.Wish(
        name="Mailbox",
        configuration={"oauth.api.key": "sandbox-client", "oauth.api.secret": "sandbox-secret"},
        consent=provision.Consent(external=True, refresh_token=tokens["refresh_token"]),
    )
    made = provision.create(
        organization.user, organization.organization, catalogue.find("gmail"), wish
    )
    return client_for(organization, made.token)


def test_every_resource_is_offered_with_its_fields(hub: APIClient) -> None:
    start = ok(hub.get(f"{API}/profile"))["historyId"]
    names = ok(hub.get(f"{API}/hubs/general/objects"))
    assert names == [
        "profile", "messages", "threads", "drafts", "labels", "history", "changed-messages",
        "vacation", "filters", "forwarding-addresses", "send-as", "auto-forwarding", "imap", "pop",
    ]  # fmt: skip
    for name in names:
        fields = ok(hub.get(f"{API}/hubs/general/objects/{name}/metadata"))["fields"]
        assert fields, name
        ok(hub.get(f"{API}/{name}", {"startHistoryId": start}))  # a name is a path
    assert all(operation.description for r in ELEMENT.resources for operation in r.operations)


@pytest.mark.parametrize("name", ["profile", "labels", "messages", "threads", "drafts"])
def test_gmails_own_paths_lead_to_the_same(hub: APIClient, name: str) -> None:
    assert ok(hub.get(f"{API}/users/me/{name}")) == ok(hub.get(f"{API}/{name}"))
    assert ok(hub.get(f"{API}/hubs/x/users/me/{name}")) == ok(hub.get(f"{API}/{name}"))


def test_a_label_is_made_read_changed_and_deleted(hub: APIClient) -> None:
    color = {"backgroundColor": "#16a766", "textColor": "#ffffff"}
    made = ok(hub.post(f"{API}/labels", {"name": "Work", "color": color}, format="json"))
    path = f"{API}/labels/{made['id']}"
    assert ok(hub.get(path))["messagesTotal"] == 0
    changed = ok(hub.patch(path, {**made, "name": "Office"}, format="json"))
    assert (changed["name"], changed["color"]) == ("Office", color)
    replaced = ok(hub.put(path, {"name": "Desk"}, format="json"))
    assert "color" not in replaced
    taken = hub.post(f"{API}/labels", {"name": "desk"}, format="json")
    assert taken.status_code == 409
    assert "exists" in taken.json()["providerMessage"]
    assert ok(hub.delete(path)) is None
    assert hub.get(path).status_code == 404
    assert hub.delete(f"{API}/labels/INBOX").status_code == 400


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "name: missing"),
        ({"name": 5}, "name"),
        ({"name": "x", "messageListVisibility": "maybe"}, "messageListVisibility"),
        ({"name": "x", "color": "red"}, "color"),
        ({"name": "x", "color": {"backgroundColor": 1}}, "color.backgroundColor"),
        ({"name": "x", "color": {"shade": 1}}, "color.shade"),
        ({"name": "x", "colour": {}}, "colour"),
        ([1], ""),
    ],
)
def test_a_label_of_another_shape_is_refused(hub: APIClient, body: Any, named: str) -> None:
    answer = hub.post(f"{API}/labels", body, format="json")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(named)


def test_history_is_read_page_by_page_and_by_kind(hub: APIClient, sandbox: SandboxServer) -> None:
    start = ok(hub.get(f"{API}/profile"))["historyId"]
    first = sandbox.control.deliver()["id"]
    sandbox.control.label(first, add=["STARRED"])
    sandbox.control.delete(first)
    query = {"startHistoryId": start, "pageSize": 2}
    page = hub.get(f"{API}/history", query)
    token = page["Elements-Next-Page-Token"]
    records = ok(page) + ok(hub.get(f"{API}/history", {**query, "nextPage": token}))
    kinds = ("messagesAdded", "labelsAdded", "messagesDeleted")
    assert [next(kind for kind in kinds if kind in record) for record in records] == list(kinds)
    chosen = ok(hub.get(f"{API}/history", {**query, "historyTypes": "messageAdded,messageDeleted"}))
    assert len(chosen) == 2
    for wrong in ({"startHistoryId": "x"}, {**query, "historyTypes": "moved"}):
        assert hub.get(f"{API}/history", wrong).status_code == 400


def test_a_setting_is_read_replaced_and_changed(settings_hub: APIClient) -> None:
    path = f"{API}/settings/vacation"
    away = {"enableAutoReply": True, "responseSubject": "Away", "startTime": 1_769_817_600_000}
    assert ok(settings_hub.put(path, away, format="json"))["startTime"] == "1769817600000"
    changed = ok(
        settings_hub.patch(path, {"restrictToContacts": True, "startTime": None}, format="json")
    )
    assert (changed["responseSubject"], changed["restrictToContacts"]) == ("Away", True)
    assert "startTime" not in changed
    assert ok(settings_hub.get(f"{API}/hubs/general/vacations")) == changed
    assert ok(settings_hub.get(f"{API}/users/me/settings/vacation")) == changed


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("imap", {"enabled": False, "maxFolderSize": 1000}),
        ("pop", {"accessWindow": "allMail"}),
        ("auto-forwarding", {"enabled": False}),
    ],
)
def test_every_setting_is_changed(settings_hub: APIClient, name: str, change: Any) -> None:
    path = f"{API}/settings/{name}"
    before = ok(settings_hub.get(path))
    assert ok(settings_hub.patch(path, change, format="json")) == {**before, **change}
    assert ok(settings_hub.get(path)) == {**before, **change}
    assert ok(settings_hub.put(path, before, format="json")) == before


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("vacation", {"enableAutoReply": "perhaps"}, "enableAutoReply"),
        ("vacation", {"startTime": "soon"}, "startTime"),
        ("vacation", {"away": True}, "away"),
        ("imap", {"maxFolderSize": 1.5}, "maxFolderSize"),
        ("imap", {"expungeBehavior": "burn"}, "expungeBehavior"),
        ("pop", "allMail", "the body"),
        ("pop", None, "the body"),
    ],
)
def test_a_setting_of_another_shape_is_refused(
    settings_hub: APIClient, path: str, body: Any, named: str
) -> None:
    for call in (settings_hub.put, settings_hub.patch):
        answer = call(f"{API}/settings/{path}", body, format="json")
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(f"{named}: ")


def test_what_the_account_did_not_grant_is_refused_by_the_provider(hub: APIClient) -> None:
    answer = hub.patch(f"{API}/settings/imap", {"enabled": False}, format="json")
    assert answer.status_code == 403
    assert "insufficient authentication scopes" in answer.json()["providerMessage"]


def test_filters_are_made_and_deleted(settings_hub: APIClient) -> None:
    path = f"{API}/settings/filters"
    wish = {"criteria": {"from": "news@example.com"}, "action": {"addLabelIds": ["STARRED"]}}
    made = ok(settings_hub.post(path, wish, format="json"))
    assert ok(settings_hub.get(path)) == [made]
    assert ok(settings_hub.get(f"{path}/{made['id']}")) == made
    assert ok(settings_hub.delete(f"{path}/{made['id']}")) is None
    assert ok(settings_hub.get(path)) == []
    put = settings_hub.put(f"{path}/{made['id']}", wish, format="json")
    assert (put.status_code, put["Allow"]) == (405, "DELETE, GET")
    for wrong in (
        {"action": wish["action"]},
        {**wish, "criteria": {"size": "big"}},
        {**wish, "action": {"addLabelIds": "STARRED"}},
    ):
        assert settings_hub.post(path, wrong, format="json").status_code == 400


def test_addresses_to_forward_to_and_to_send_from(settings_hub: APIClient) -> None:
    path = f"{API}/settings/forwarding-addresses"
    made = ok(settings_hub.post(path, {"forwardingEmail": "far@example.org"}, format="json"))
    assert made["verificationStatus"] == "pending"
    assert ok(settings_hub.get(path)) == [made]
    assert ok(settings_hub.get(f"{path}/far@example.org")) == made
    assert ok(settings_hub.get(f"{API}/users/me/settings/forwardingAddresses")) == [made]
    assert ok(settings_hub.delete(f"{path}/far@example.org")) is None
    own = f"{API}/settings/send-as/user@example.com"
    changed = ok(settings_hub.patch(own, {"signature": "<i>Bye</i>"}, format="json"))
    assert ok(settings_hub.get(f"{API}/settings/send-as")) == [changed]
    assert ok(settings_hub.get(own))["signature"] == "<i>Bye</i>"
    assert ok(settings_hub.put(own, {"displayName": "User"}, format="json"))["signature"] == ""


def test_a_pinged_account_is_asked_for_its_profile(hub: APIClient, sandbox: SandboxServer) -> None:
    sandbox.control.clear_requests()
    ok(hub.get(f"{API}/ping"))
    assert [one["path"] for one in sandbox.control.requests()] == ["/gmail/v1/users/me/profile"]
