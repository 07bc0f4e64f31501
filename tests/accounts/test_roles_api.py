"""/users/{user}/roles: who may do what, and who may say so."""

from __future__ import annotations

import pytest

from accounts.models import Account
from tests.accounts.conftest import MakePerson, Person

pytestmark = pytest.mark.django_db


def test_the_first_user_administers_organization_and_account(owner: Person) -> None:
    roles = owner.ask("get", "users/me/roles")
    assert [role["key"] for role in roles.json()] == ["org-admin", "admin"]
    assert roles["Elements-Total-Count"] == "2"
    assert set(roles.json()[0]) == {"id", "name", "key", "active", "description", "features"}


def test_a_role_is_granted_used_and_taken(owner: Person, person: MakePerson) -> None:
    member = person("member@example.com")
    path = f"users/{member.user.pk}/roles/org-admin"
    assert owner.ask("get", path).status_code == 404

    granted = owner.ask("put", path)
    assert (granted.status_code, granted.json()["key"]) == (200, "org-admin")
    assert owner.ask("get", path).json() == granted.json()
    assert member.ask("get", "accounts").status_code == 200

    taken = owner.ask("delete", path)
    assert (taken.status_code, taken.content) == (200, b"")
    assert member.ask("get", "accounts").status_code == 403
    assert owner.ask("delete", path).status_code == 404


def test_a_role_is_granted_once(owner: Person, person: MakePerson) -> None:
    path = f"users/{person('member@example.com').user.pk}/roles/admin"
    assert owner.ask("put", path).status_code == 200
    assert owner.ask("put", path).status_code == 409


@pytest.mark.parametrize("method", ["put", "delete"])
def test_the_order_of_the_checks(method: str, owner: Person, person: MakePerson) -> None:
    """The role exists, the user exists, the caller may."""
    nobody = person("nobody@example.com")
    for caller in (owner, nobody):
        assert caller.ask(method, "users/999999/roles/king").status_code == 400
        assert caller.ask(method, "users/999999/roles/admin").status_code == 404
        assert caller.ask(method, "users/nobody@nowhere.example/roles/sys-admin").status_code == 404
    assert nobody.ask(method, f"users/{owner.user.pk}/roles/admin").status_code == 403


@pytest.mark.parametrize("method", ["put", "delete"])
@pytest.mark.parametrize("role", ["org-admin", "admin", "org", "sys-admin"])
def test_nobody_changes_the_own_roles(method: str, role: str, owner: Person) -> None:
    assert owner.ask(method, f"users/{owner.user.pk}/roles/{role}").status_code == 403
    assert [one["key"] for one in owner.ask("get", "users/me/roles").json()] == [
        "org-admin",
        "admin",
    ]


def test_nobody_grants_sys_admin(owner: Person, person: MakePerson) -> None:
    member = person("member@example.com").user
    assert owner.ask("put", f"users/{member.pk}/roles/sys-admin").status_code == 403
    for path in ("organizations/users", f"accounts/{owner.user.account_id}/users"):
        for roles in (["sys-admin"], [{"key": "sys-admin"}]):
            body = {"email": "new@example.com", "roles": roles}
            assert owner.ask("post", path, body).status_code == 403


def test_a_user_can_be_made_with_roles(owner: Person) -> None:
    body = {"email": "new@example.com", "roles": ["admin", {"key": "org"}, "admin"]}
    made = owner.ask("post", "organizations/users", body).json()
    assert [role["key"] for role in made["roles"]] == ["admin", "org"]


def test_an_administrator_of_an_account_makes_others_there_and_no_more(
    person: MakePerson, branch: Account
) -> None:
    admin = person("admin@example.com", "admin", account=branch)
    member = person("member@example.com", account=branch).user
    elsewhere = person("elsewhere@example.com").user

    assert admin.ask("put", f"users/{member.pk}/roles/admin").status_code == 200
    assert admin.ask("put", f"users/{member.pk}/roles/org-admin").status_code == 403
    assert admin.ask("put", f"users/{member.pk}/roles/org").status_code == 403
    assert admin.ask("put", f"users/{elsewhere.pk}/roles/admin").status_code == 403
