"""Whatever a person changes over the API is written down, and a new endpoint cannot forget it.

Each method that changes something is in one of the two tables, or the last test fails.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.urls import get_resolver
from rest_framework.test import APIClient

from accounts.models import User
from audit.models import Action, AuditEntry, Source
from elements.presentation import configuration_id
from tests.audit.conftest import World
from tests.conftest import ClientFor
from tests.elements.ledger import ledger
from tests.test_documentation import _below_api

API = "/elements/api-v2"
ROW = configuration_id("event.poller.refresh_interval")
NOTHING = {
    "/instances/{}/polls": "polls now, and changes nothing of what was asked for",
    "/instances/{}/reconcile": "polls, and changes nothing of what was asked for",
    "/notifications": "posts a notification, which is an event",
    "/notifications/emails": "sends an e-mail",
    "/notifications/{}": "removes a notification, which is an event",
    "/notifications/{}/acknowledge": "marks a notification as read",
    "/instances/events/test": "sends a test",
    "/instances/{}/events/test": "sends a test",
    "/notifications/subscriptions/{}/test": "sends a test",
    "/instances/events/queue/acknowledge": "a receiver at work",
    "/instances/{}/events/queue/acknowledge": "a receiver at work",
    "/notifications/subscriptions/{}/queue/acknowledge": "a receiver at work",
    "/instances/{}/refused-webhooks/{}/read": "makes an event",
    "/events/{}": "a provider tells something",
    "/events/{}/{}": "a provider tells something",
    "/events/{}/direct": "a provider tells something",
    "/events/{}/unsigned/{}": "a provider tells something",
    "/events/{}Polling/{}": "makes an event",
    "/elements/{}/oauth/url": "makes an address",
    "/hubs/{}/{}": "runs at the provider",
    "/{}": "runs at the provider",
    "/hubs/{}/bulk/query": "reads at the provider",
    "/hubs/{}/bulk/{}/cancel": "ends such a reading",
    "/bulk/query": "reads at the provider",
    "/bulk/{}/cancel": "ends such a reading",
}
RENAME: dict[str, Any] = {"name": "Another name"}
EVENTS = {"configuration": {"event.notification.enabled": "true"}}
INTERVAL = {"propertyValue": "7"}
PERSON = {"email": "third@example.com", "roles": ["admin"]}
SUBSCRIBE = {"channel": "webhook", "topics": ["sales"], "config": {"url": "https://a.example/"}}
POLICY = {"notification.webhook.failure.policy": "queue"}
ENTRY = {"key": "note", "name": "Note", "type": "TEXTFIELD_100"}
INSTANCE, ELEMENT = Action.INSTANCE_CHANGED, Action.ELEMENT_CHANGED
# (method, path) -> what is written, and the body
WRITTEN: dict[tuple[str, str], tuple[set[Action], Any]] = {
    ("patch", "/instances/{instance}"): ({INSTANCE}, RENAME),
    ("delete", "/instances/{instance}"): ({Action.INSTANCE_DELETED}, None),
    ("delete", "/instances/{instance}/enabled"): ({INSTANCE}, None),
    ("post", "/instances/{instance}/reconnect-link"): ({Action.INSTANCE_LINK_MADE}, None),
    ("patch", f"/instances/{{instance}}/configuration/{ROW}"): ({INSTANCE}, INTERVAL),
    ("post", "/instances/{instance}/signature-key"): ({INSTANCE}, None),
    ("delete", "/instances/{instance}/signature-key"): ({Action.SIGNATURE_KEY}, None),
    ("delete", "/instances/{instance}/events/active"): ({Action.SUBSCRIPTION_OFF}, None),
    ("patch", "/instances"): ({INSTANCE}, RENAME),
    ("delete", "/instances"): ({Action.INSTANCE_DELETED}, None),
    ("delete", "/instances/enabled"): ({INSTANCE}, None),
    ("patch", f"/instances/configuration/{ROW}"): ({INSTANCE}, INTERVAL),
    ("delete", "/instances/events/active"): ({Action.SUBSCRIPTION_OFF}, None),
    ("patch", "/elements/gmail/instances"): ({INSTANCE}, RENAME),
    ("delete", "/elements/gmail/instances"): ({Action.INSTANCE_DELETED}, None),
    ("patch", "/elements/gmail/instances/{instance}"): ({INSTANCE}, RENAME),
    ("delete", "/elements/gmail/instances/{instance}"): ({Action.INSTANCE_DELETED}, None),
    ("delete", "/elements/gmail/instances/{instance}/enabled"): ({INSTANCE}, None),
    ("patch", f"/elements/gmail/instances/{{instance}}/configuration/{ROW}"): (
        {INSTANCE},
        INTERVAL,
    ),
    ("post", "/notifications/subscriptions"): ({Action.SUBSCRIPTION_CREATED}, SUBSCRIBE),
    ("delete", "/notifications/subscriptions/{subscription}"): (
        {Action.SUBSCRIPTION_DELETED},
        None,
    ),
    ("delete", "/notifications/subscriptions/{subscription}/active"): (
        {Action.SUBSCRIPTION_OFF},
        None,
    ),
    ("post", "/notifications/subscriptions/{subscription}/signature-key"): (
        {Action.SIGNATURE_KEY},
        None,
    ),
    ("delete", "/notifications/subscriptions/{subscription}/signature-key"): (
        {Action.SIGNATURE_KEY},
        None,
    ),
    ("put", "/notifications/subscriptions/deliveries?where=status='queued'"): (
        {Action.SENT_AGAIN},
        None,
    ),
    ("put", "/notifications/subscriptions/deliveries/failed?from=2020-01-01"): (
        {Action.SENT_AGAIN},
        None,
    ),
    ("put", "/instances/{instance}/events/failed?from=2020-01-01"): ({Action.SENT_AGAIN}, None),
    ("post", "/elements"): ({Action.ELEMENT_CREATED}, {**ledger(), "key": "another"}),
    ("put", "/elements/ledger"): ({ELEMENT}, {**ledger(), "name": "Another"}),
    ("delete", "/elements/ledger"): ({Action.ELEMENT_DELETED}, None),
    ("delete", "/elements/ledger/active"): ({ELEMENT}, None),
    ("post", "/elements/ledger/clone"): ({Action.ELEMENT_CREATED}, {"key": "copy"}),
    ("post", "/elements/ledger/configuration"): ({ELEMENT}, ENTRY),
    ("put", "/elements/ledger/accounts/{account}"): ({ELEMENT}, None),
    ("delete", "/elements/shared/accounts/{account}"): ({ELEMENT}, None),
    ("post", "/accounts"): ({Action.ACCOUNT_CREATED}, {"externalId": "third"}),
    ("patch", "/accounts/settings"): ({Action.ACCOUNT_CHANGED}, POLICY),
    ("patch", "/accounts/{account}"): ({Action.ACCOUNT_CHANGED}, RENAME),
    ("delete", "/accounts/{account}"): ({Action.ACCOUNT_OFF}, None),
    ("post", "/accounts/{account}/settings"): ({Action.ACCOUNT_CHANGED}, POLICY),
    ("patch", "/accounts/{account}/settings"): ({Action.ACCOUNT_CHANGED}, POLICY),
    ("post", "/accounts/{account}/users"): ({Action.USER_CREATED, Action.ROLE_GRANTED}, PERSON),
    ("patch", "/accounts/{account}/users/{user}"): ({Action.USER_OFF}, {"active": False}),
    ("patch", "/users/{user}"): ({Action.PASSWORD_CHANGED}, {"password": "a long passphrase"}),
    ("delete", "/users/{user}"): (
        {Action.USER_REMOVED, Action.USER_OFF, Action.ROLE_TAKEN},
        None,
    ),
    ("post", "/users/{user}/secret"): ({Action.USER_SECRET}, None),
    ("put", "/users/{user}/roles/admin"): ({Action.ROLE_GRANTED}, None),
    ("delete", "/users/{user}/roles/org"): ({Action.ROLE_TAKEN}, None),
    ("put", "/organizations/me"): ({Action.ORGANIZATION_CHANGED}, RENAME),
    ("post", "/organizations/me/secret"): ({Action.ORGANIZATION_SECRET}, None),
    ("post", "/organizations/users"): ({Action.USER_CREATED, Action.ROLE_GRANTED}, PERSON),
    ("patch", "/organizations/users/{user}"): ({Action.USER_CHANGED}, {"firstName": "New"}),
    ("delete", "/organizations/users/{user}"): (
        {Action.USER_REMOVED, Action.USER_OFF, Action.ROLE_TAKEN},
        None,
    ),
}
# Done by the same function as the method that is tried, or after it.
ALIKE = {
    ("put", "/instances/{}"), ("put", "/instances"), ("put", "/elements/{}/instances"),
    ("put", "/elements/{}/instances/{}"), ("put", "/instances/enabled"),
    ("put", "/instances/{}/enabled"), ("put", "/elements/{}/instances/{}/enabled"),
    ("put", "/instances/events/failed"),
    ("put", "/instances/events/active"), ("put", "/instances/{}/events/active"),
    ("put", "/notifications/subscriptions/{}/active"), ("put", "/elements/{}/active"),
    ("put", "/elements/{}/configuration/{}"), ("delete", "/elements/{}/configuration/{}"),
    # tests/events/test_unsigned_webhooks.py
    *((method, "/instances/{}/unsigned-webhooks") for method in ("post", "patch", "delete")),
    # tests/console/test_written_down.py
    ("post", "/instances"), ("post", "/elements/{}/instances"),
}  # fmt: skip


def call(world: World, client_for: ClientFor, method: str, path: str, body: Any) -> Any:
    addresses_instance = not path.startswith(("/instances/{", "/elements/gmail/instances/{"))
    client: APIClient = client_for(world.owner, world.token if addresses_instance else None)
    ask = getattr(client, method)
    return ask(f"{API}{world.path(path)}", body, format="json" if body is not None else None)


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), WRITTEN)
def test_a_change_is_written_down(
    world: World, client_for: ClientFor, method: str, path: str
) -> None:
    actions, body = WRITTEN[method, path]
    depth = len(connection.savepoint_ids)
    within: list[bool] = []
    create = AuditEntry.objects.create

    def created(**columns: Any) -> AuditEntry:
        within.append(len(connection.savepoint_ids) > depth)
        return create(**columns)

    with patch.object(AuditEntry.objects, "create", created):
        answer = call(world, client_for, method, path, body)

    assert answer.status_code == 200, answer.content
    entries = list(AuditEntry.objects.order_by("pk"))
    assert {entry.action for entry in entries} == actions
    assert set(within) == {True}, "it is not written in the transaction that changes"
    for entry in entries:
        assert entry.organization_id == world.owner.organization.pk
        assert entry.user_id == world.owner.user.pk
        assert entry.source == Source.API
        assert entry.address == "127.0.0.1"
        assert entry.request_id == answer["Elements-Request-Id"]
        assert "@" not in f"{entry.subject_name}{entry.changes}"
        assert entry.account_id == account_of(world, entry)


def account_of(world: World, entry: AuditEntry) -> int | None:
    """The account that the subject of an entry belongs to."""
    if entry.subject_kind == "user":
        return User.objects.get(pk=entry.subject_id or 0).account_id
    if entry.subject_kind == "account":
        return entry.subject_id
    if entry.subject_kind == "subscription" and entry.instance_id is None:
        return world.account.pk if entry.subject_id == world.topics.pk else None
    return None if entry.subject_kind == "organization" else world.owner.user.account_id


def test_every_endpoint_that_changes_is_known() -> None:
    def plain(path: str) -> str:
        for name in ("gmail", "ledger", "shared"):
            path = path.replace(f"elements/{name}", "elements/{}")
        for end in ("roles/admin", "roles/org", f"configuration/{ROW}"):
            if path.endswith(end):
                path = f"{path.rpartition('/')[0]}/{{}}"
        path = path.partition("?")[0]
        for name in ("instance", "subscription", "account", "user"):
            path = path.replace(f"{{{name}}}", "{}")
        return path

    known = {(method, plain(path)) for method, path in WRITTEN} | ALIKE
    changing = {
        (method, path)
        for path, view in _below_api(get_resolver())
        for method in ("post", "put", "patch", "delete")
        if hasattr(view, method)
    }
    there = {(method, path) for method, path in changing if path not in NOTHING}
    assert there - known == set(), "is it written down? See the tables above"
    assert known - there == set()
    assert NOTHING.keys() - {path for _, path in changing} == set()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("put", "/organizations/me", {"name": ""}, 400),
        (
            "patch",
            "/instances/{instance}",
            {"configuration": {"event.poller.refresh_interval": "x"}},
            400,
        ),
        ("delete", "/elements/gmail", None, 403),
        ("put", "/users/{user}/roles/org", None, 409),
    ],
)
def test_what_is_refused_is_not_written(
    world: World, client_for: ClientFor, method: str, path: str, body: Any, status: int
) -> None:
    assert call(world, client_for, method, path, body).status_code == status
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_down_is_not_done(world: World, client_for: ClientFor) -> None:
    def fails(**_: Any) -> None:
        raise RuntimeError("no room")

    client = client_for(world.owner)
    client.raise_request_exception = False
    with patch.object(AuditEntry.objects, "create", fails):
        answer = client.patch(f"{API}/instances/{world.instance.pk}", RENAME, format="json")
    assert answer.status_code == 500
    world.instance.refresh_from_db()
    assert world.instance.name == "Mailbox"
