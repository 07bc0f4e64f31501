"""What a lost key sealed takes nothing else along: no endpoint, page or list fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from instances.models import Credential, ElementInstance
from tests.administration.world import World, address, models, new_world, signed_in
from tests.api import test_isolation as endpoints
from tests.api.conftest import Connected
from tests.console import test_isolation_of_pages as pages
from tests.elements.ledger import ledger

pytestmark = pytest.mark.django_db

API = "/elements/api-v2"
their_user = pages.their_user
theirs = pages.theirs
LISTS = (
    "accounts",
    "bulk",
    "elements",
    "elements/gmail/instances",
    "hubs/general/messages",
    "instances",
    "instances/configuration",
    "instances/events",
    "instances/usage/units",
    "messages",
    "notifications",
    "notifications/subscriptions",
    "objects",
    "users",
)


def grant(instance: ElementInstance) -> None:
    Credential(instance=instance, access_token="token", refresh_token="refresh").save()


@pytest.fixture(scope="module")
def acme(rows_of_module: None) -> NewOrganization:
    return create_organization("Acme", "acme@example.com")


@pytest.fixture(scope="module")
def connected(acme: NewOrganization) -> Connected:
    connected = endpoints.connect(acme, "mailbox")
    grant(connected.instance)
    return connected


@pytest.fixture(scope="module")
def world(rows_of_module: None) -> World:
    world = new_world()
    world.fill(2)
    return world


@pytest.mark.parametrize(("path", "method"), endpoints.CASES)
def test_no_endpoint_fails(
    path: str,
    method: str,
    acme: NewOrganization,
    connected: Connected,
    lose_key: Callable[[], None],
) -> None:
    lose_key()

    answer = endpoints.ask(endpoints.client_of(acme), path, method, connected)

    assert answer.status_code < 500, answer.content


@pytest.mark.parametrize("path", LISTS)
def test_no_list_fails(
    path: str,
    acme: NewOrganization,
    connected: Connected,
    lose_key: Callable[[], None],
    client_for: Any,
) -> None:
    lose_key()

    answer = client_for(acme, connected.token).get(f"{API}/{path}")

    assert answer.status_code < 500, answer.content


def test_an_instance_says_what_is_wrong_beside_those_that_are_well(
    organization: NewOrganization, lose_key: Callable[[], None]
) -> None:
    lost = endpoints.connect(organization, "lost")
    lose_key()
    well = endpoints.connect(organization, "well")

    listed = endpoints.client_of(organization).get(f"{API}/instances").json()

    by_name = {one["name"]: one for one in listed}
    assert by_name["well"]["token"] == well.token
    assert "problem" not in by_name["well"]
    assert by_name["lost"]["id"] == lost.instance.pk
    assert by_name["lost"]["token"] == "********"
    assert by_name["lost"]["reasonCode"] == "secrets-unreadable"
    assert "PERIODIC_ENCRYPTION_KEYS" in by_name["lost"]["problem"]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, how) for name, (how, _) in pages.WITH_AN_ID.items()),
        *((name, "post") for name in pages.FORMS),
    ],
)
def test_no_page_of_one_thing_fails(
    client: Client,
    theirs: pages.Theirs,
    name: str,
    method: str,
    lose_key: Callable[[], None],
) -> None:
    grant(theirs.instance)
    client.force_login(theirs.user)
    lose_key()

    for headers in ({}, {"HX-Request": "true"}):
        path = theirs.path(name, pages.WITH_AN_ID[name][1])
        assert getattr(client, method)(path, headers=headers).status_code < 500


@pytest.mark.parametrize(
    "name",
    [
        str(one.name)
        for one in pages.PATTERNS
        if not one.pattern.regex.groupindex and one.name not in pages.NO_PAGE
    ],
)
def test_no_page_of_many_things_fails(
    client: Client, theirs: pages.Theirs, name: str, lose_key: Callable[[], None]
) -> None:
    grant(theirs.instance)
    client.force_login(theirs.user)
    lose_key()

    assert client.get(reverse(f"console:{name}"), follow=True).status_code < 500


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_no_page_of_the_admin_fails(
    model: type[Model], world: World, lose_key: Callable[[], None]
) -> None:
    lose_key()
    browser = signed_in(superuser=True)
    row = world.rows.get(model, [None])[0]
    asked: list[tuple[str, tuple[Any, ...]]] = [("changelist", ())]
    if row is not None:
        asked += [(page, (row.pk,)) for page in ("change", "delete", "history")]

    for page, arguments in asked:
        assert browser.get(address(model, page, *arguments)).status_code < 500
    if row is not None:
        path = address(model, "delete", row.pk)
        assert browser.post(path, {"post": "yes"}).status_code < 500


def test_an_element_of_ones_own_is_listed_with_what_is_wrong(
    organization: NewOrganization, lose_key: Callable[[], None], client_for: Any
) -> None:
    api: APIClient = client_for(organization)
    made = api.post(f"{API}/elements", ledger("https://api.example.com"), format="json")
    assert made.status_code == 200, made.content
    lose_key()

    listed = {one["key"]: one for one in api.get(f"{API}/elements").json()}
    assert "gmail" in listed
    assert not listed["ledger"]["active"]
    assert "encryption key" in listed["ledger"]["description"]
    refused = api.put(f"{API}/elements/ledger/active")
    assert refused.status_code == 409
    assert "Replace it, or delete it" in refused.json()["message"]

    given = ledger("https://api.example.com")
    assert api.put(f"{API}/elements/ledger", given, format="json").status_code == 200
    assert api.get(f"{API}/elements/ledger").json()["name"] == "Ledger"
    lose_key()
    assert api.delete(f"{API}/elements/ledger").status_code == 200
