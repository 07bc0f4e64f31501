"""/users and /organizations/users: the people of an organization."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Account, User
from accounts.provision import NewOrganization
from accounts.secret import digest
from tests.accounts.conftest import API, MakePerson, Person, person_of

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


def test_a_new_user_gets_a_secret_this_once(owner: Person, acme: NewOrganization) -> None:
    wanted = {
        "email": "New@Example.com",
        "firstName": "New",
        "lastName": "User",
        "password": PASSWORD,
    }
    made = owner.ask("post", "organizations/users", wanted)

    assert made.status_code == 200, made.content
    user = made.json()
    secret = user.pop("secret")
    assert user == owner.ask("get", f"users/{user['id']}").json()
    assert (user["email"], user["fullName"], user["password"]) == (
        "new@example.com",
        "New User",
        "secured",
    )
    assert (user["accountId"], user["roles"], user["active"]) == (acme.user.account_id, [], True)
    new = person_of(User.objects.get(pk=user["id"]), secret, acme.organization_secret)
    assert new.ask("get", "users/me").json() == user
    assert Client().login(username="new@example.com", password=PASSWORD)


@pytest.mark.parametrize("taken", ["owner@example.com", "OWNER@example.com"])
def test_a_taken_address_is_a_409_and_says_no_more(
    owner: Person, other: NewOrganization, taken: str
) -> None:
    for answer in (
        owner.ask("post", "organizations/users", {"email": taken}),
        owner.ask("post", f"accounts/{owner.user.account_id}/users", {"email": taken}),
    ):
        assert answer.status_code == 409
        assert answer.json()["message"] == f"email: {taken.lower()} is already a user's address"
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, ["email"]),
        ({"email": None}, ["email"]),
        ({"email": "nobody"}, ["email"]),
        ({"email": ["a@example.com"]}, ["email"]),
        ({"email": "a@example.com", "firstName": 5}, ["firstName"]),
        ({"email": "a@example.com", "lastName": "x" * 151}, ["lastName", "150"]),
        ({"email": "a@example.com", "lastName": "a\nb"}, ["lastName"]),
        ({"email": "a@example.com", "password": ""}, ["password"]),
        ({"email": "a@example.com", "password": 1234567890}, ["password"]),
        ({"email": "a@example.com", "password": "x" * 1001}, ["password", "1000"]),
        ({"email": "a@example.com", "password": "short"}, ["password", "at least"]),
        ({"email": "a@example.com", "password": "8675309186"}, ["password", "numeric"]),
        (
            {"email": "a@example.com", "firstName": "Wilhelmina", "password": "wilhelmina1"},
            ["password", "first name"],
        ),
        (
            {"email": "a@example.com", "lastName": "Oppenheimer", "password": "oppenheimer1"},
            ["password", "last name"],
        ),
        ({"email": "somebodyelse@example.com", "password": "somebodyelse1"}, ["username"]),
        ({"email": "a@example.com", "roles": "admin"}, ["roles"]),
        ({"email": "a@example.com", "roles": ["king"]}, ["roles[0]", "org-admin"]),
        ({"email": "a@example.com", "roles": [{"key": {}}]}, ["roles[0]"]),
        ("text", ["the body must be a JSON object"]),
    ],
)
def test_what_cannot_be_a_user_is_named(owner: Person, body: Any, words: list[str]) -> None:
    answer = owner.ask("post", "organizations/users", body)
    assert answer.status_code == 400
    for word in words:
        assert word in answer.json()["message"]
    assert User.objects.count() == 1


def test_a_user_is_found_by_id_and_by_address(owner: Person, person: MakePerson) -> None:
    member = person("member@example.com").user
    found = [
        owner.ask("get", f"{path}/{named}")
        for path in ("users", "organizations/users")
        for named in (member.pk, "member@example.com", "MEMBER@example.com")
    ]
    assert [answer.status_code for answer in found] == [200] * 6
    assert {answer.json()["id"] for answer in found} == {member.pk}
    for unknown in ("nobody@example.com", "nobody", "0", "9" * 40, "٣"):
        answer = owner.ask("get", f"users/{unknown}")
        assert answer.status_code == 404, unknown
        assert answer.json()["message"].startswith("No user found")


def test_what_is_given_changes_and_the_rest_stays(owner: Person, person: MakePerson) -> None:
    member = person("member@example.com").user
    path = f"users/{member.pk}"
    assert owner.ask("patch", path, {"firstName": "First"}).json()["firstName"] == "First"
    changed = owner.ask("patch", path, {"email": "Moved@example.com", "lastName": "Last"}).json()
    assert (changed["fullName"], changed["email"], changed["username"]) == (
        "First Last",
        "moved@example.com",
        "moved@example.com",
    )
    assert owner.ask("patch", path, {"email": "owner@example.com"}).status_code == 409
    assert owner.ask("patch", path, {"password": "short"}).status_code == 400
    # Clients write whole users back, "secured" and all.
    assert owner.ask("patch", path, {**changed, "firstName": None}).json() == changed


def test_the_secret_is_not_shown_to_who_asks_for_it(owner: Person, acme: NewOrganization) -> None:
    answer = owner.client.get(f"{API}/users/me", headers={"Elements-User-Password": "x"})
    assert answer.status_code == 200
    assert "secret" not in answer.json()
    assert "POST /users/{id}/secret" in answer["Elements-Error"]
    assert acme.user_secret not in answer.content.decode()


def test_a_new_secret_ends_the_old_one(
    owner: Person, person: MakePerson, acme: NewOrganization
) -> None:
    member = person("member@example.com")
    new = member.ask("post", "users/me/secret").json()["secret"]
    assert member.ask("get", "users/me").status_code == 401
    again = person_of(member.user, new, acme.organization_secret)
    assert again.ask("get", "users/me").status_code == 200

    given = owner.ask("post", "users/member@example.com/secret").json()["secret"]
    assert again.ask("get", "users/me").status_code == 401
    member.user.refresh_from_db()
    assert member.user.secret_digest == digest(given)


def test_who_has_no_role_sees_and_changes_only_the_own_user(
    person: MakePerson, owner: Person
) -> None:
    member = person("member@example.com")
    for named in ("me", str(member.user.pk), "member@example.com"):
        assert member.ask("get", f"users/{named}").status_code == 200
    assert member.ask("patch", "users/me", {"firstName": "Own"}).json()["firstName"] == "Own"
    assert member.ask("get", "users/me/roles").json() == []

    for method, path in (
        ("get", "users"),
        ("get", f"users/{owner.user.pk}"),
        ("get", "users/999999"),
        ("patch", f"users/{owner.user.pk}"),
        ("delete", f"users/{owner.user.pk}"),
        ("delete", "users/me"),
        ("post", f"users/{owner.user.pk}/secret"),
        ("get", f"users/{owner.user.pk}/roles"),
        ("get", "organizations/users"),
        ("post", "organizations/users"),
        ("get", "organizations/users/me"),
        ("put", "organizations/me"),
        ("post", "organizations/me/secret"),
    ):
        answer = member.ask(method, path, None if method == "get" else {})
        assert answer.status_code == 403, (method, path, answer.content)
    assert User.objects.filter(is_active=True).count() == 2


def test_who_administers_an_account_reaches_its_users_and_nobody_above(
    owner: Person, person: MakePerson, branch: Account, acme: NewOrganization
) -> None:
    admin = person("admin@example.com", "admin", account=branch)
    member = person("member@example.com", account=branch)
    above = person("above@example.com", "org-admin", account=branch)

    assert {row["id"] for row in admin.ask("get", "users").json()} == {
        admin.user.pk,
        member.user.pk,
        above.user.pk,
    }
    assert admin.ask("patch", f"users/{member.user.pk}", {"firstName": "x"}).status_code == 200
    assert admin.ask("post", f"users/{member.user.pk}/secret").status_code == 200
    for named in (above.user.pk, owner.user.pk):
        assert admin.ask("patch", f"users/{named}", {"password": PASSWORD}).status_code == 403
        assert admin.ask("post", f"users/{named}/secret").status_code == 403
        assert admin.ask("delete", f"users/{named}").status_code == 403
    assert above.ask("get", "users/me").status_code == 200
    wanted = {"email": "king@example.com", "roles": ["org-admin"]}
    assert admin.ask("post", f"accounts/{branch.pk}/users", wanted).status_code == 403


def test_an_operator_of_the_installation_is_above_everybody(
    owner: Person, person: MakePerson
) -> None:
    operator = person("operator@example.com").user
    User.objects.filter(pk=operator.pk).update(is_superuser=True, is_staff=True)

    for method, path in (
        ("patch", f"users/{operator.pk}"),
        ("post", f"users/{operator.pk}/secret"),
        ("delete", f"users/{operator.pk}"),
    ):
        assert owner.ask(method, path, {"password": PASSWORD}).status_code == 403


def test_the_organization_is_renamed_and_gets_a_new_secret(
    owner: Person, acme: NewOrganization
) -> None:
    before = owner.ask("get", "organizations/me").json()
    assert (before["id"], before["name"]) == (acme.organization.pk, "Acme")
    renamed = owner.ask("put", "organizations/me", {"name": " Renamed "})
    assert renamed.json() == {**before, "name": "Renamed"}
    refusals: list[Any] = [{}, {"name": ""}, {"name": 5}, {"name": "x" * 201}, []]
    for refused in refusals:
        assert owner.ask("put", "organizations/me", refused).status_code == 400

    new = owner.ask("post", "organizations/me/secret").json()["secret"]
    assert owner.ask("get", "organizations/me").status_code == 401
    again = person_of(acme.user, acme.user_secret, new)
    assert again.ask("get", "organizations/me").json()["name"] == "Renamed"


def test_where_narrows_the_users(owner: Person, person: MakePerson, branch: Account) -> None:
    member = person("member@example.com", account=branch)
    owner.ask("patch", f"users/{member.user.pk}", {"firstName": "First", "active": False})

    for path in ("users", "organizations/users", f"accounts/{branch.pk}/users"):
        for where in (
            "firstName='First'",
            "email LIKE 'member%' and active=false",
            f"id={member.user.pk}",
            f"accountId = {branch.pk}",
            "lastLoginDate IS NULL and firstName='First'",
        ):
            found = owner.client.get(f"{API}/{path}", {"where": where})
            assert [row["id"] for row in found.json()] == [member.user.pk], where
    assert owner.client.get(f"{API}/users", {"where": "firstName='x'"}).json() == []
