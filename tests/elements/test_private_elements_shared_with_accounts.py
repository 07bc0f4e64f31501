"""A private element is its account's own; an administrator shares it with others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Account, User
from accounts.provision import NewOrganization, create_organization, create_user
from accounts.roles import CATALOGUE
from audit.models import AuditEntry
from elements import built_in
from elements.models import PrivateElement
from instances.models import ElementInstance
from tests.elements.conftest import API
from tests.elements.ledger import ledger

pytestmark = pytest.mark.django_db

Caller = Callable[..., APIClient]


@pytest.fixture
def calls_as(organization: NewOrganization) -> Caller:
    """A client of a user of the account of that name, which is made where it is not there."""

    def client(account: str, *roles: str) -> APIClient:
        made, _ = Account.objects.get_or_create(
            organization=organization.organization, external_id=account, name=account
        )
        address = f"{'-'.join([*roles, 'of', *account.split()])}@example.com"
        user = create_user(made, address, roles=[CATALOGUE[key] for key in roles])
        return client_with(organization, user.secret)

    return client


def client_with(organization: NewOrganization, user_secret: str) -> APIClient:
    pairs = f"User {user_secret}, Organization {organization.organization_secret}"
    return APIClient(headers={"Authorization": pairs})


@pytest.fixture
def owner(calls_as: Caller) -> APIClient:
    """Whose element the ledger is."""
    client = calls_as("owner")
    assert client.post(f"{API}/elements", ledger(), format="json").status_code == 200
    return client


@pytest.fixture
def another(calls_as: Caller) -> APIClient:
    return calls_as("another")


@pytest.fixture
def administrator(organization: NewOrganization) -> APIClient:
    return client_with(organization, organization.user_secret)


def path_of(account: str) -> str:
    return f"{API}/elements/ledger/accounts/{Account.objects.get(external_id=account).pk}"


def keys(client: APIClient) -> set[str]:
    return {*client.get(f"{API}/elements/keys").json()} - built_in.elements().keys()


def test_one_is_not_there_for_another_account(
    owner: APIClient, another: APIClient, administrator: APIClient
) -> None:
    number = owner.get(f"{API}/elements/ledger").json()["id"]
    for named in ("ledger", number):
        for rest in ("", "/configuration", "/metadata", "/docs", "/export", "/transformations"):
            path = f"{API}/elements/{named}{rest}"
            assert another.get(path).status_code == 404
            assert owner.get(path).status_code == 200
            assert administrator.get(path).status_code == 200
    for client, found in ((owner, {"ledger"}), (another, set()), (administrator, {"ledger"})):
        assert keys(client) == found
        for path in ("elements", "elements/metadata", "hubs/finance/elements"):
            seen = client.get(f"{API}/{path}").content.decode()
            assert ('"ledger"' in seen) is bool(found), path


def test_one_is_not_changed_by_another_account(owner: APIClient, another: APIClient) -> None:
    before = PrivateElement.objects.values().get()
    for method, rest in WRITING:
        answer = getattr(another, method)(
            f"{API}/elements/ledger{rest}", body_of(rest), format="json"
        )
        assert answer.status_code == 404, (method, rest)
    assert another.post(f"{API}/elements/ledger/clone", {}, format="json").status_code == 404
    assert PrivateElement.objects.values().get() == before


def test_one_that_is_shared_is_used_and_not_changed(
    owner: APIClient, another: APIClient, administrator: APIClient, calls_as: Caller
) -> None:
    assert administrator.get(f"{API}/elements/ledger/accounts").json() == []

    answer = administrator.put(path_of("another"))

    assert (answer.status_code, answer.content) == (200, b"")
    shared = Account.objects.get(external_id="another").pk
    assert administrator.get(f"{API}/elements/ledger/accounts").json() == [shared]
    assert administrator.put(path_of("another")).status_code == 200  # once more changes nothing
    assert administrator.get(f"{API}/elements/ledger/accounts").json() == [shared]
    assert another.get(f"{API}/elements/ledger").status_code == 200
    assert keys(another) == keys(owner) == {"ledger"}
    assert keys(calls_as("a third")) == set()
    before = PrivateElement.objects.values().get()
    for method, rest in WRITING:
        answer = getattr(another, method)(
            f"{API}/elements/ledger{rest}", body_of(rest), format="json"
        )
        assert answer.status_code == 403, (method, rest)
        assert "shared with your account" in answer.json()["message"]
    assert PrivateElement.objects.values().get() == before
    copy = another.post(f"{API}/elements/ledger/clone", {"key": "copy"}, format="json")
    assert copy.status_code == 200
    assert (keys(another), keys(owner)) == ({"ledger", "copy"}, {"ledger"})


def body_of(rest: str) -> Any:
    return {"key": "base.url", "name": "Theirs"} if "configuration" in rest else ledger()


WRITING = [
    ("put", ""),
    ("delete", ""),
    ("put", "/active"),
    ("delete", "/active"),
    ("post", "/configuration"),
    ("put", "/configuration/base.url"),
    ("delete", "/configuration/base.url"),
]


def test_what_was_connected_goes_on_when_it_is_shared_no_longer(
    owner: APIClient, another: APIClient, administrator: APIClient
) -> None:
    administrator.put(path_of("another"))
    user = User.objects.get(username="of-another@example.com")
    assert user.organization is not None
    instance = ElementInstance.objects.create(
        organization=user.organization,
        user=user,
        element_key="ledger",
        name="Books",
        token="a token",
        token_digest="0" * 64,
    )

    answer = administrator.delete(path_of("another"))

    assert (answer.status_code, answer.content) == (200, b"")
    assert administrator.get(f"{API}/elements/ledger/accounts").json() == []
    assert another.get(f"{API}/elements/ledger").status_code == 404
    shown = another.get(f"{API}/instances/{instance.pk}")
    assert shown.json()["element"]["key"] == "ledger"
    body = {"name": "More", "element": {"key": "ledger"}, "configuration": {}}
    assert another.post(f"{API}/instances", body, format="json").status_code == 404
    assert owner.get(f"{API}/instances/{instance.pk}").status_code == 404


@pytest.mark.parametrize("roles", [[], ["admin"], ["org"]])
def test_only_administrators_of_the_organization_share(
    roles: list[str], owner: APIClient, another: APIClient, calls_as: Caller
) -> None:
    for account in ("owner", "another"):
        client = calls_as(account, *roles, "org") if roles != ["org"] else calls_as(account, "org")
        assert client.get(f"{API}/elements/ledger/accounts").status_code == 403
        for method in ("put", "delete"):
            assert getattr(client, method)(path_of("another")).status_code == 403
    assert not PrivateElement.objects.get().shared_with.exists()


def test_an_element_or_account_that_is_not_there_is_a_404(
    owner: APIClient, another: APIClient, administrator: APIClient
) -> None:
    other = create_organization("Other", "other@example.com").organization.default_account
    own = Account.objects.get(external_id="another").pk
    for named, account in (("ledger", other.pk), ("ledger", 10**18), ("nothing", own)):
        for method in ("put", "delete"):
            answer: Any = getattr(administrator, method)(
                f"{API}/elements/{named}/accounts/{account}"
            )
            assert answer.status_code == 404
    assert administrator.get(f"{API}/elements/nothing/accounts").status_code == 404
    assert administrator.get(f"{API}/elements/gmail/accounts").json() == []
    assert administrator.put(f"{API}/elements/gmail/accounts/{own}").status_code == 403


def test_sharing_is_written_down_once(
    owner: APIClient, another: APIClient, administrator: APIClient
) -> None:
    before = AuditEntry.objects.count()
    for method in ("put", "put", "delete", "delete"):
        assert getattr(administrator, method)(path_of("another")).status_code == 200
    account = Account.objects.get(external_id="another").pk
    entries = AuditEntry.objects.order_by("pk")[before:]
    assert {entry.subject_name for entry in entries} == {"ledger"}
    assert [entry.changes for entry in entries] == [
        {f"shared with account {account}": [False, True]},
        {f"shared with account {account}": [True, False]},
    ]


def test_the_account_that_made_it_is_not_among_those_it_is_shared_with(
    owner: APIClient, administrator: APIClient
) -> None:
    assert administrator.put(path_of("owner")).status_code == 200
    assert administrator.get(f"{API}/elements/ledger/accounts").json() == []
    assert administrator.delete(path_of("owner")).status_code == 200
    assert owner.get(f"{API}/elements/ledger").status_code == 200
