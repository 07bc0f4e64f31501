"""/accounts: what an organization consists of."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, User
from accounts.provision import NewOrganization
from tests.accounts.conftest import API, MakePerson, Person

pytestmark = pytest.mark.django_db


def test_an_organization_begins_with_its_default_account(
    owner: Person, acme: NewOrganization
) -> None:
    (account,) = owner.ask("get", "accounts").json()

    assert account == {
        "id": acme.user.account_id,
        "name": "Acme",
        "description": "Acme",
        "active": True,
        "companyId": acme.organization.pk,
        "externalId": None,
        "defaultAccount": True,
        "type": "Default",
        "createdDate": f"{acme.organization.created_at:%Y-%m-%d}",
        "updatedDate": f"{acme.organization.created_at:%Y-%m-%d}",
    }


def test_an_account_is_made_read_changed_and_switched_off(owner: Person) -> None:
    made = owner.ask("post", "accounts", {"externalId": "customer-7"})
    assert made.status_code == 200, made.content
    account = made.json()
    assert (account["name"], account["description"]) == ("customer-7", "customer-7")
    assert (account["defaultAccount"], account["type"]) == (False, "CompanyAccount")

    changed = owner.ask("patch", f"accounts/{account['id']}", {"name": "A customer"}).json()
    assert changed == {**account, "name": "A customer"}
    assert owner.ask("get", f"accounts/{account['id']}/").json() == changed

    gone = owner.ask("delete", f"accounts/{account['id']}")
    assert (gone.status_code, gone.content) == (200, b"")
    assert owner.ask("get", f"accounts/{account['id']}").json() == {**changed, "active": False}
    assert [row["defaultAccount"] for row in owner.ask("get", "accounts").json()] == [True]


def test_an_external_id_is_one_active_accounts(owner: Person, branch: Account) -> None:
    assert owner.ask("post", "accounts", {"externalId": "branch-1"}).status_code == 409
    owner.ask("delete", f"accounts/{branch.pk}")
    assert owner.ask("post", "accounts", {"externalId": "branch-1"}).status_code == 200

    again = owner.ask("patch", f"accounts/{branch.pk}", {"active": True})
    assert (again.status_code, "externalId" in again.json()["message"]) == (409, True)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "externalId is missing"),
        ({"externalId": None}, "externalId is missing"),
        ({"externalId": "  "}, "externalId is missing"),
        ({"externalId": 7}, "externalId must be a string, not a number"),
        ({"externalId": "x" * 201}, "externalId has 201 characters"),
        ({"externalId": "a", "name": ["b"]}, "name must be a string"),
        ({"externalId": "a", "name": "b\x07"}, "name: contains control characters"),
        ({"externalId": "a", "description": {}}, "description must be a string"),
        ({"externalId": "a", "active": "maybe"}, "active must be true or false"),
        ([], "the body must be a JSON object"),
    ],
)
def test_what_cannot_be_an_account_is_named(owner: Person, body: Any, named: str) -> None:
    answer = owner.ask("post", "accounts", body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(named)
    assert Account.objects.count() == 1


def test_the_default_account_and_the_own_one_stay_active(
    owner: Person, branch: Account, person: MakePerson
) -> None:
    default = owner.user.account_id
    assert owner.ask("delete", f"accounts/{default}").status_code == 403
    assert owner.ask("patch", f"accounts/{default}", {"active": False}).status_code == 403

    elsewhere = person("second@example.com", "org-admin", account=branch)
    assert elsewhere.ask("delete", f"accounts/{branch.pk}").status_code == 403
    assert Account.objects.filter(active=True).count() == 2


@pytest.mark.parametrize("path", ["accounts/999999", f"accounts/{'9' * 30}"])
@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_unknown_account_is_a_404(owner: Person, method: str, path: str) -> None:
    answer = owner.ask(method, path, None if method == "get" else {})
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("No account found with id 9")


def test_pages_by_offset_by_page_and_by_token(owner: Person, acme: NewOrganization) -> None:
    for number in range(6):
        Account.objects.create(
            organization=acme.organization, name=str(number), external_id=f"e{number}"
        )

    def names(query: str) -> list[str]:
        answer = owner.ask("get", f"accounts?{query}")
        assert answer.status_code == 200
        return [row["name"] for row in answer.json()]

    assert names("offset=2&pageSize=2") == names("page=2&pageSize=2") == ["1", "2"]
    first = owner.ask("get", "accounts?pageSize=4")
    assert (first["Elements-Returned-Count"], first["Elements-Total-Count"]) == ("4", "7")
    token = first["Elements-Next-Page-Token"]
    assert names(f"pageSize=4&offset=0&nextPage={token}") == ["3", "4", "5"]
    assert names("offset=99") == []
    for refused in ("offset=-1", "offset=x", "pageSize=0", "pageSize=-1", "pageSize=10000000000"):
        assert owner.ask("get", f"accounts?{refused}").status_code == 400


@pytest.mark.parametrize("what", ["accounts", "users", "organizations/users"])
def test_lists_take_as_many_queries_for_a_hundred(
    owner: Person, acme: NewOrganization, what: str
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as counted:
            assert owner.ask("get", what).status_code == 200
        return len(counted)

    before = queries()
    for number in range(100):
        Account.objects.create(organization=acme.organization, name="x", external_id=f"e{number}")
        User.objects.create(username=f"u{number}@example.com", organization=acme.organization)

    assert queries() == before
    assert owner.ask("get", what)["Elements-Returned-Count"] == "101"


def test_users_of_an_account(owner: Person, branch: Account) -> None:
    empty = owner.ask("get", f"accounts/{branch.pk}/users")
    assert (empty.status_code, empty.json()["message"]) == (404, "No users found")

    wanted = {"email": "New@Example.com", "firstName": "New", "password": "password"}
    made = owner.ask("post", f"accounts/{branch.pk}/users", wanted)
    assert made.status_code == 200, made.content
    user = made.json()
    assert (user["email"], user["accountId"]) == ("new@example.com", branch.pk)
    secret = user.pop("secret")
    assert secret not in owner.ask("get", f"accounts/{branch.pk}/users").content.decode()

    for named in (user["id"], "new@example.com", "NEW@example.com"):
        assert owner.ask("get", f"accounts/{branch.pk}/users/{named}").json() == user
    changed = owner.ask("patch", f"accounts/{branch.pk}/users/{user['id']}", {"lastName": "Name"})
    assert changed.json()["fullName"] == "New Name"
    # Of another account of the same organization it isn't there.
    elsewhere = owner.user.account_id
    assert owner.ask("get", f"accounts/{elsewhere}/users/{user['id']}").status_code == 404
    assert owner.ask("patch", f"accounts/{elsewhere}/users/{user['id']}", {}).status_code == 404
    assert owner.ask("get", f"accounts/{branch.pk}/users/a%00b").status_code in {400, 404}


def test_settings_hold_the_failure_policy(owner: Person, branch: Account) -> None:
    key = "notification.webhook.failure.policy"
    assert owner.ask("get", "accounts/settings").json() == {key: "retry"}
    assert owner.ask("patch", "accounts/settings", {key: "queue"}).json() == {key: "queue"}
    assert owner.ask("get", "accounts/settings").json() == {key: "queue"}
    assert owner.ask("get", f"accounts/{branch.pk}/settings").json() == {key: "retry"}
    for method in ("post", "patch"):
        answer = owner.ask(method, f"accounts/{branch.pk}/settings", {key: "queue"})
        assert answer.json() == {key: "queue"}
    assert owner.ask("patch", f"accounts/{branch.pk}/settings", {}).json() == {key: "queue"}


@pytest.mark.parametrize(
    "body", [{"notification.webhook.failure.policy": "drop"}, {"other": 1}, [], {"": None}]
)
def test_other_settings_are_refused(owner: Person, body: Any) -> None:
    answer = owner.ask("patch", "accounts/settings", body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_who_administers_one_account_reaches_no_other(
    branch: Account, person: MakePerson, owner: Person
) -> None:
    admin = person("admin@example.com", "admin", account=branch)

    assert [row["id"] for row in admin.ask("get", "accounts").json()] == [branch.pk]
    assert admin.ask("get", f"accounts/{branch.pk}").status_code == 200
    assert admin.ask("get", f"accounts/{owner.user.account_id}").status_code == 403
    assert admin.ask("get", "accounts/999999").status_code == 403
    assert admin.ask("post", "accounts", {"externalId": "x"}).status_code == 403
    assert admin.ask("patch", f"accounts/{branch.pk}", {"name": "x"}).status_code == 403
    assert admin.ask("delete", f"accounts/{branch.pk}").status_code == 403
    added = admin.ask("post", f"accounts/{branch.pk}/users", {"email": "new@example.com"})
    assert added.status_code == 200
    elsewhere = f"accounts/{owner.user.account_id}/users"
    assert admin.ask("post", elsewhere, {"email": "more@example.com"}).status_code == 403


def test_without_a_role_nothing_is_administered(person: MakePerson, branch: Account) -> None:
    nobody = person("nobody@example.com")
    for method, path in (
        ("get", "accounts"),
        ("post", "accounts"),
        ("get", f"accounts/{branch.pk}"),
        ("get", f"accounts/{nobody.user.account_id}"),
        ("get", "accounts/999999"),
        ("patch", f"accounts/{branch.pk}"),
        ("delete", f"accounts/{branch.pk}"),
        ("get", f"accounts/{branch.pk}/users"),
        ("post", f"accounts/{branch.pk}/users"),
        ("get", f"accounts/{branch.pk}/settings"),
        ("patch", f"accounts/{branch.pk}/settings"),
        ("patch", "accounts/settings"),
    ):
        answer = nobody.ask(method, path, None if method == "get" else {})
        assert answer.status_code == 403, (method, path, answer.content)
    assert nobody.ask("get", "accounts/settings").status_code == 200


def test_where_narrows_the_accounts(owner: Person, branch: Account) -> None:
    off = owner.ask("post", "accounts", {"externalId": "off"}).json()["id"]
    owner.ask("delete", f"accounts/{off}")

    def names(where: str) -> list[str]:
        answer = owner.client.get(f"{API}/accounts", {"where": where})
        assert answer.status_code == 200, answer.content
        return [row["name"] for row in answer.json()]

    assert names("name='Branch'") == ["Branch"]
    assert names("externalId LIKE 'branch%' and defaultAccount=false") == ["Branch"]
    assert names("type='Default'") == ["Acme"]
    assert names("name='off'") == []
    assert names("active=false") == ["off"]
    assert names("name='off' or active='true'") == ["Acme", "Branch", "off"]
    assert names("name='nobody'") == []


@pytest.mark.parametrize("path", ["accounts", "users", "organizations/users"])
@pytest.mark.parametrize(
    "where", ["name=", "1=1", "secret_digest='x'", "(id=1", "id=(select 1)", "id='x'", "id=1--"]
)
def test_a_clause_that_cannot_be_used_is_refused(owner: Person, path: str, where: str) -> None:
    answer = owner.client.get(f"{API}/{path}", {"where": where})
    assert answer.status_code == 400
    assert answer.json()["message"]
