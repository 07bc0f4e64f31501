"""What belongs to one organization is not there for another: neither read, changed nor hinted at.

Every endpoint that takes an id is listed here; one that is not listed fails the last test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import Account, Organization, RoleGrant, User
from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest, new_instance_token
from api.openapi import Enumerator
from elements import register
from elements.calls import Change, ChangeType
from elements.models import PrivateElement
from elements.presentation import configuration_id
from events.changes import record_changes
from events.models import Delivery, Event, RefusedWebhook, Subscription
from instances.models import ElementInstance
from instances.signals import instance_saved
from tests.api.conftest import API, Connected

pytestmark = pytest.mark.django_db

ROW = configuration_id("event.poller.refresh_interval")
WRITE = {"name": "taken over", "configuration": {"event.notification.callback.url": ""}}

# The path of each endpoint with an id, as the URL patterns have it, and the methods it answers.
WITH_AN_ID = {
    "instances/{instance_id}": ("get", "put", "patch", "delete"),
    "instances/{instance_id}/enabled": ("put", "delete"),
    "instances/{instance_id}/reconnect-link": ("post",),
    "instances/{instance_id}/configuration": ("get",),
    "instances/{instance_id}/configuration/{row_id}": ("get", "patch"),
    "instances/{instance_id}/docs": ("get",),
    "elements/{element}/instances/{instance_id}/docs": ("get",),
    **{
        f"{prefix}instances/{{instance_id}}/docs/{{operation_id}}{end}": ("get",)
        for prefix in ("", "elements/{element}/")
        for end in ("", "/definitions")
    },
    "instances/{instance_id}/polls": ("post",),
    "instances/{instance_id}/reconcile": ("post",),
    "instances/{instance_id}/usage/units": ("get",),
    "instances/{instance_id}/refused-webhooks": ("get",),
    "instances/{instance_id}/refused-webhooks/{refused_id}/read": ("post",),
    "instances/{instance_id}/events": ("get",),
    "instances/{instance_id}/events/explanation": ("get",),
    "instances/{instance_id}/events/{event_id}": ("get",),
    "instances/{instance_id}/events/{event_id}/deliveries": ("get",),
    "instances/events/{event_id}": ("get",),
    "instances/events/{event_id}/deliveries": ("get",),
    "elements/{element}/instances/{instance_id}": ("get", "put", "patch", "delete"),
    "elements/{element}/instances/{instance_id}/enabled": ("put", "delete"),
    "elements/{element}/instances/{instance_id}/configuration": ("get",),
    "elements/{element}/instances/{instance_id}/configuration/{row_id}": ("get", "patch"),
}
WITH_AN_ID |= {
    "accounts/{account_id}": ("get", "patch", "delete"),
    "accounts/{account_id}/settings": ("get", "post", "patch"),
    "accounts/{account_id}/users": ("get", "post"),
    "accounts/{account_id}/users/{user}": ("get", "patch"),
    "users/{user}": ("get", "patch", "delete"),
    "users/{user}/secret": ("post",),
    "users/{user}/roles": ("get",),
    "users/{user}/roles/{role_key}": ("get", "put", "delete"),
    "organizations/users/{user}": ("get", "patch", "delete"),
}
WITH_AN_ID |= {
    "elements/{key_or_id}/accounts/{account_id}": ("put", "delete"),
    "notifications/{notification_id}": ("get", "delete"),
    "notifications/{notification_id}/acknowledge": ("put",),
    "notifications/{notification_id}/subscriptions/deliveries": ("get",),
    "notifications/{notification_id}/subscriptions/{subscription_id}/deliveries": ("get",),
    "notifications/subscriptions/{subscription_id}": ("get", "delete"),
    "notifications/subscriptions/{subscription_id}/signature-key": ("post", "delete"),
    "instances/{instance_id}/signature-key": ("post", "delete"),
    "instances/{instance_id}/unsigned-webhooks": ("get", "post", "patch", "delete"),
    "instances/{instance_id}/events/test": ("post",),
    "instances/{instance_id}/events/active": ("put", "delete"),
    "instances/{instance_id}/events/failed": ("get", "put"),
    "instances/{instance_id}/events/queue": ("get",),
    "instances/{instance_id}/events/queue/acknowledge": ("put",),
    "notifications/subscriptions/{subscription_id}/test": ("post",),
    "notifications/subscriptions/{subscription_id}/active": ("put", "delete"),
    "notifications/subscriptions/{subscription_id}/queue": ("get",),
    "notifications/subscriptions/{subscription_id}/queue/acknowledge": ("put",),
    "events/{element_key}Polling/{ref}": ("post",),
}
# Names in paths that name nothing of an organization's; of private elements there is
# tests/elements/test_private_elements_stay_private.py.
PUBLIC = {"element", "element_key", "key_or_id", "configuration_key", "hub", "hub_key", "name"}
# Of one instance, by its Element token alone; an id in them is a row of it or the provider's.
BY_TOKEN = {
    "instances/configuration/{row_id}",
    "instances/docs/{operation_id}",
    "instances/docs/{operation_id}/definitions",
    # tests/bulk/test_refused_queries.py
    *(
        f"{hub}bulk/{{bulk_id}}/{what}"
        for hub in ("", "hubs/{hub}/")
        for what in ("status", "errors", "cancel", "{resource}")
    ),
}
BY_PROVIDER = {"{path}", "hubs/{hub}/{path}"}
# Nobody says who they are: tests/events/test_vendor_webhooks.py.
BY_SIGNATURE = {"events/{element_key}/{ref}"}
# Nor here: tests/events/test_unsigned_webhooks.py.
BY_KEY = {"events/{element_key}/unsigned/{key}"}

CASES = [(path, method) for path, methods in WITH_AN_ID.items() for method in methods]


@pytest.fixture(autouse=True)
def _these_endpoints(settings: Settings) -> None:
    """The product's, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


@pytest.fixture(autouse=True)
def _elements_are_found_by_token() -> None:
    """As the product does it."""


@pytest.fixture(scope="module")
def acme(rows_of_module: None) -> NewOrganization:
    return create_organization("Acme", "user@example.com")


@pytest.fixture(scope="module")
def other(rows_of_module: None) -> NewOrganization:
    return create_organization("Another", "other@example.com")


def connect(owner: NewOrganization, name: str) -> Connected:
    """An instance with a subscription and one event on its way."""
    token = new_instance_token()
    instance = ElementInstance.objects.create(
        organization=owner.organization,
        user=owner.user,
        element_key="gmail",
        name=name,
        tags=[name],
        token=token,
        token_digest=digest(token),
        configuration={"event.notification.callback.url": "https://receiver.example/"},
    )
    colleague_of(owner.organization)
    with transaction.atomic():
        instance_saved.send(ElementInstance, instance=instance, created=True, reauthenticated=False)
        record_changes(
            instance,
            "changed-messages",
            [Change("m1", ChangeType.CREATED, {"subject": f"of {name}"}, "f")],
            timezone.now(),
        )
    now = timezone.now()
    RefusedWebhook.objects.create(
        instance=instance,
        digest="d",
        reason="not understood",
        size=len(name),
        body=name.encode(),
        created_at=now,
        last_received_at=now,
    )
    return Connected(instance, token)


def colleague_of(organization: Organization) -> User:
    """A user with a role, in an account beside the default one."""
    account, _ = Account.objects.get_or_create(
        organization=organization, external_id="branch", name="their branch"
    )
    user, _ = User.objects.get_or_create(
        username=f"colleague-of-{organization.pk}@example.com",
        first_name="their",
        last_name="mailbox",
        organization=organization,
        account=account,
    )
    RoleGrant.objects.get_or_create(user=user, key="org")
    return user


def private_element_of(organization: Organization) -> str:
    """The key of an element of an account beside the default one, whose instances are not asked."""
    own = PrivateElement.objects.filter(organization=organization)
    if (found := own.first()) is not None:
        return found.key
    account = colleague_of(organization).account
    assert account is not None
    definition = {
        "name": "their mailbox's element",
        "authentication": {"type": "apiKey"},
        "configuration": [{"key": "base.url", "defaultValue": "https://api.example.com"}],
        "resources": [{"method": "GET", "path": "/hubs/general/entries", "vendorPath": "/entries"}],
    }
    key = f"own-{organization.pk}"
    given = {**definition, "key": key}
    return register.create(organization.pk, given, account_id=account.pk).key


@pytest.fixture(scope="module")
def theirs(acme: NewOrganization) -> Connected:
    return connect(acme, "their mailbox")


def client_of(owner: NewOrganization, *, token: str = "", organization: bool = True) -> APIClient:
    pairs = [f"User {owner.user_secret}"]
    pairs += [f"Organization {owner.organization_secret}"] if organization else []
    pairs += [f"Element {token}"] if token else []
    return APIClient(headers={"Authorization": ", ".join(pairs)})


def ask(client: APIClient, path: str, method: str, of: Connected) -> Any:
    colleague = colleague_of(of.instance.organization)
    filled = path.format(
        account_id=colleague.account_id,
        user=colleague.pk,
        role_key="org",
        instance_id=of.instance.pk,
        event_id=Event.objects.get(instance=of.instance).pk,
        notification_id=Event.objects.get(instance=of.instance).pk,
        subscription_id=Subscription.objects.get(instance=of.instance).pk,
        refused_id=RefusedWebhook.objects.get(instance=of.instance).pk,
        row_id=ROW,
        ref=of.instance.pk,
        element="gmail",
        key_or_id=private_element_of(of.instance.organization),
        element_key="gmail",
        operation_id="getLabels",
    )
    body = {"propertyValue": "7"} if "row_id" in path else WRITE
    sent = {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(client, method)(f"{API}/{filled}", **(sent if method != "get" else {}))


def everything(of: Connected) -> Any:
    """All there is of the instance, as the database has it."""
    rows = ElementInstance.objects.filter(pk=of.instance.pk)
    tables = Event, Delivery, RefusedWebhook, Account, User, RoleGrant
    return list(rows.values()), *(list(table._default_manager.values()) for table in tables)


@pytest.mark.parametrize(("path", "method"), CASES)
@pytest.mark.parametrize("by_element", [False, True], ids=["organization", "element token"])
def test_another_organizations_is_not_there(
    path: str, method: str, by_element: bool, theirs: Connected, other: NewOrganization
) -> None:
    own = connect(other, "own mailbox")
    client = client_of(other, token=own.token if by_element else "", organization=not by_element)
    before = everything(theirs)

    answer = ask(client, path, method, theirs)

    # With an Element token alone, paths that need the organization's secret answer 401.
    assert answer.status_code in ({401, 404} if by_element else {404}), answer.content
    assert "their mailbox" not in answer.content.decode()
    assert everything(theirs) == before


@pytest.mark.parametrize(("path", "method"), CASES)
def test_an_element_token_does_not_open_its_organizations_other_instances(
    path: str, method: str, theirs: Connected, acme: NewOrganization
) -> None:
    client = client_of(acme, token=connect(acme, "own mailbox").token, organization=False)
    before = everything(theirs)

    assert ask(client, path, method, theirs).status_code in {401, 404}
    assert everything(theirs) == before


@pytest.mark.parametrize(("path", "method"), CASES)
def test_the_owner_finds_it(
    path: str, method: str, theirs: Connected, acme: NewOrganization
) -> None:
    """Else the tests above would pass for a path that is wrong."""
    assert ask(client_of(acme), path, method, theirs).status_code not in {401, 403, 404, 405}


@pytest.mark.parametrize("mixed", ["user", "organization", "element"])
def test_secrets_of_two_organizations_do_not_mix(
    mixed: str, theirs: Connected, acme: NewOrganization, other: NewOrganization
) -> None:
    secrets = {
        "User": acme.user_secret,
        "Organization": acme.organization_secret,
        "Element": theirs.token,
    }
    foreign = {
        "user": {"User": other.user_secret},
        "organization": {"Organization": other.organization_secret},
        "element": {"Element": connect(other, "own mailbox").token},
    }[mixed]
    header = ", ".join(f"{scheme} {secret}" for scheme, secret in {**secrets, **foreign}.items())

    for path in ("instances", f"instances/{theirs.instance.pk}", "objects", "instances/events"):
        assert APIClient(headers={"Authorization": header}).get(f"{API}/{path}").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "instances",
        "elements/gmail/instances",
        "instances?searchText=their",
        "instances?tags[]=their mailbox",
    ],
)
def test_lists_hold_ones_own_only(path: str, theirs: Connected, other: NewOrganization) -> None:
    assert client_of(other).get(f"{API}/{path}").json()["message"] == "No instances found"
    own = connect(other, "own mailbox")

    answer = client_of(other).get(f"{API}/{path.partition('?')[0]}")

    assert [row["id"] for row in answer.json()] == [own.instance.pk]
    assert answer["Elements-Total-Count"] == "1"


def test_the_list_of_events_holds_ones_own_only(theirs: Connected, other: NewOrganization) -> None:
    own = connect(other, "own mailbox")

    events = client_of(other).get(f"{API}/instances/events").json()

    assert [event["instanceId"] for event in events] == [own.instance.pk]


def paths(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, before + str(pattern.pattern))
        else:
            yield before + str(pattern.pattern)


def test_every_endpoint_with_an_id_is_listed_above() -> None:
    prefix = "/elements/api-v2/"
    enumerator = Enumerator(None, "config.urls")
    found = map(enumerator.get_path_from_regex, paths(get_resolver("config.urls").url_patterns))
    written = {path.removeprefix(prefix) for path in found if path.startswith(prefix)}
    with_an_id = {path for path in written if {*re.findall(r"{(\w+)}", path)} - PUBLIC}

    assert with_an_id - BY_TOKEN - BY_PROVIDER - BY_SIGNATURE - BY_KEY == set(WITH_AN_ID)
