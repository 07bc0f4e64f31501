"""What addresses without an id answer and change is the own account's alone.

Every endpoint whose path names no row is called, with each method that it has, by users of another
account; a new one comes along by itself. Every row of theirs has an id that nothing else has, so
that one that shows anywhere is found. Each GET shows theirs to an administrator, or is in NOTHING:
else this would prove nothing for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Account, RoleGrant, User
from accounts.provision import NewOrganization, create_organization
from api.openapi import PREFIX, Enumerator
from bulk.models import BulkError, BulkJob
from elements import register
from elements.models import PrivateElement
from events.models import Delivery, Event, Subscription
from instances.models import ElementInstance
from polling.models import PollingResource, PollRun
from tests.api.conftest import API, Connected
from tests.api.test_isolation import PUBLIC, client_of, connect
from tests.api.test_isolation_of_accounts import member

pytestmark = pytest.mark.django_db

TABLES: tuple[type[Model], ...] = (
    Account, User, RoleGrant, ElementInstance, Event, Subscription, Delivery, BulkJob,
    PollingResource, PollRun, PrivateElement,
)  # fmt: skip
FIRST_ID = 987_650_000  # of theirs
THEIRS = re.compile(r"\b98765\d{4}\b|of.theirs|theirledger")
LEDGER = {
    "key": "theirledger",
    "name": "Ledger of theirs",
    "hub": "theirledger",
    "authentication": {"type": "apiKey"},
    "configuration": [{"key": "base.url", "defaultValue": "https://of-theirs.example.com"}],
    "resources": [{"method": "GET", "path": "/hubs/general/entries", "vendorPath": "/entries"}],
}
NAMED = {
    "element": "gmail",
    "key_or_id": "theirledger",
    "element_key": "gmail",
    "configuration_key": "base.url",
    "hub": "general",
    "hub_key": "theirledger",
    "name": "messages",
}
QUERIES = {
    "instances/events/explanation": "?objectId=m1",
    "notifications": "?topics[]=theirs",
    "notifications/subscriptions/deliveries": "?hydrate=true",
    "notifications/subscriptions/deliveries/failed": "?from=2020-01-01",
    "instances/events/failed": "?from=2020-01-01",
    "bulk/query": "?q=select * from messages",
}
# GETs that show nothing of any account, whoever asks.
NOTHING = {
    "openapi.json", "organizations/me", "accounts/settings",  # one's own
    "hubs/{hub}/objects", "hubs/{hub}/objects/{name}/docs", "hubs/{hub}/objects/{name}/metadata",
    "objects", "objects/{name}/docs", "objects/{name}/metadata", "instances/docs",  # the element's
    "events/{element_key}",  # of providers
    "elements/{key_or_id}/transformations", "elements/{key_or_id}/accounts",  # has none
    "instances/configuration", "instances/events/queue",  # has none
    "instances/events/analytics",  # counts: test_isolation_of_accounts.py
    "instances/events/failed", "notifications/subscriptions/deliveries/failed",  # counts, likewise
}  # fmt: skip
BY_PROVIDER = {"ping", "hubs/{hub}/ping"}


def endpoints() -> Iterator[tuple[str, str]]:
    enumerator = Enumerator(None, "config.urls")
    for entry in get_resolver("config.urls").url_patterns:
        if not isinstance(entry, URLResolver) or f"/{entry.pattern}" != f"{PREFIX}/":
            continue
        for route in entry.url_patterns:
            view = getattr(getattr(route, "callback", None), "cls", None)
            path = enumerator.get_path_from_regex(str(route.pattern)).strip("/")
            if view is None or not isinstance(route, URLPattern):
                continue
            if {*re.findall(r"{(\w+)}", path)} - PUBLIC or path in BY_PROVIDER or "(" in path:
                continue
            for method in ("get", "post", "put", "patch", "delete"):
                if hasattr(view, method):
                    yield path, method


ENDPOINTS = sorted(endpoints())


@pytest.fixture(autouse=True)
def _these_endpoints(settings: Settings) -> None:
    """The product's, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


@pytest.fixture(scope="module")
def acme(rows_of_module: None) -> NewOrganization:
    return create_organization("Acme", "user@example.com")


@pytest.fixture(scope="module")
def theirs(acme: NewOrganization) -> Connected:
    """One of everything that is listed, with ids from FIRST_ID on."""
    before = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table._meta.db_table])
            [sequence] = cursor.fetchone()
            cursor.execute("SELECT nextval(%s)", [sequence])
            [before[sequence]] = cursor.fetchone()
            cursor.execute("SELECT setval(%s, %s)", [sequence, FIRST_ID])
        made = world_of_theirs(acme)
        for sequence, value in before.items():
            cursor.execute("SELECT setval(%s, %s)", [sequence, value])
    for table in TABLES:
        assert table._default_manager.filter(pk__gt=FIRST_ID).exists(), table
    return made


@pytest.fixture(scope="module", params=["no role", "admin", "org"])
def outsider(
    request: pytest.FixtureRequest, acme: NewOrganization, theirs: Connected
) -> NewOrganization:
    """A user of another account, with each role that reaches no further."""
    return member(acme, "another", *({request.param} - {"no role"}))


@pytest.fixture(scope="module")
def own(outsider: NewOrganization) -> Connected:
    return connect(outsider, "own mailbox")


def world_of_theirs(acme: NewOrganization) -> Connected:
    """One of everything that is listed."""
    owner = member(acme, "of-theirs", "admin")
    theirs = connect(owner, "of theirs")
    organization, now = acme.organization, timezone.now()
    assert owner.user.account is not None
    subscription = Subscription.objects.create(
        organization=organization, account=owner.user.account, topics=["theirs"],
        url="https://receiver.example/",
    )  # fmt: skip
    body = json.dumps({"message": {"raw": {"of": "of theirs"}, "events": []}})
    notice = Event.objects.create(
        organization=organization, account=owner.user.account, topic="theirs", message="of theirs",
        body=body, created_at=now,
    )  # fmt: skip
    Delivery.objects.create(
        organization=organization, event=notice, subscription=subscription,
        webhook_id="msg_of_theirs", next_attempt_at=now, created_at=now,
    )  # fmt: skip
    job = BulkJob.objects.create(
        organization=organization, instance=theirs.instance, resource="messages",
        query="select * from messages", next_run_at=now, created_at=now,
    )  # fmt: skip
    BulkError.objects.create(job=job, object_id="m", message="of theirs", created_at=now)
    resource, _ = PollingResource.objects.get_or_create(
        instance=theirs.instance, name="changed-messages",
        defaults={"organization": organization, "interval": 900, "next_poll_at": now},
    )  # fmt: skip
    PollRun.objects.create(
        resource=resource, started_at=now, finished_at=now, outcome="failed", error="of theirs"
    )
    register.create(organization.pk, LEDGER, account_id=owner.user.account_id)
    return theirs


def of_theirs() -> dict[Any, Any]:
    return {
        (table.__name__, row["id"]): row
        for table in TABLES
        for row in table._default_manager.filter(pk__gte=FIRST_ID).values()
    }


def ask(client: APIClient, path: str, method: str) -> Any:
    filled = f"{API}/{path.format(**NAMED)}{QUERIES.get(path, '')}"
    if method == "get":
        return client.get(filled)
    return getattr(client, method)(filled, data="{}", content_type="application/json")


def shown_of_theirs(client: APIClient, path: str, method: str) -> str:
    """Return the answer if there is anything of theirs in it, beside the key that a 404 repeats."""
    answer = ask(client, path, method)
    text = answer.getvalue().decode()
    if answer.status_code == 404:
        text = text.replace(f"with key {NAMED['key_or_id']}", "")
    found = THEIRS.search(text)
    return text if found else ""


@pytest.mark.parametrize(("path", "method"), ENDPOINTS)
@pytest.mark.parametrize("by_element", [False, True], ids=["organization", "element token"])
def test_nothing_of_another_account_is_shown_or_changed(
    path: str, method: str, by_element: bool, outsider: NewOrganization, own: Connected
) -> None:
    before = of_theirs()

    client = client_of(outsider, token=own.token if by_element else "")

    assert shown_of_theirs(client, path, method) == ""
    assert of_theirs() == before


@pytest.mark.parametrize("path", [path for path, method in ENDPOINTS if method == "get"])
def test_an_administrator_is_shown_it(path: str, acme: NewOrganization, theirs: Connected) -> None:
    """Else the test above would pass for what never shows anything."""
    shown = [
        shown_of_theirs(client_of(acme, token=token), path, "get") for token in ("", theirs.token)
    ]
    assert any(shown) is (path not in NOTHING)
