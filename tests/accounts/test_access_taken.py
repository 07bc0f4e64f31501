"""Who is switched off neither calls nor signs in, and nothing is polled for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts import access
from accounts.models import Account, User
from accounts.provision import NewOrganization
from accounts.secret import digest, new_instance_token
from instances.models import ElementInstance
from instances.signals import instance_saved
from polling import claim
from polling.models import PollingResource
from tests.accounts.conftest import MakePerson, Person

pytestmark = pytest.mark.django_db
POLLER = '{"changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"}}'


@pytest.fixture
def member(person: MakePerson, branch: Account) -> Person:
    made = person("member@example.com", account=branch)
    made.user.set_password("correct horse battery")
    made.user.save()
    return made


def connect(user: User) -> PollingResource:
    """An account that the user connected, with its one poller."""
    token = new_instance_token()
    with transaction.atomic():
        assert user.organization is not None
        instance = ElementInstance.objects.create(
            organization=user.organization,
            user=user,
            element_key="gmail",
            name="Mailbox",
            token=token,
            token_digest=digest(token),
            events_enabled=True,
            configuration={"event.poller.configuration": POLLER},
        )
        instance_saved.send(ElementInstance, instance=instance, created=True, reauthenticated=False)
    return PollingResource.objects.get(instance=instance)


def polled(resource: PollingResource) -> bool:
    """Whether a worker would take it now."""
    now = timezone.now() + timedelta(days=1)
    with transaction.atomic():
        found = resource.pk in [one.id for one in claim.claim_due(100, now)]
        transaction.set_rollback(True)
    return found


SWITCHES: list[tuple[str, str, Any]] = [
    ("patch", "users/{user}", {"active": False}),
    ("patch", "users/{user}?active=false", {}),
    ("patch", "organizations/users/{user}", {"active": "false"}),
    ("patch", "accounts/{account}/users/{user}", {"active": False}),
    ("patch", "accounts/{account}", {"active": False}),
    ("delete", "accounts/{account}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), SWITCHES)
def test_switched_off_and_on_again(
    method: str, path: str, body: Any, owner: Person, member: Person
) -> None:
    resource = connect(member.user)
    others = connect(owner.user)
    browser = Client()
    browser.force_login(member.user)
    assert polled(resource)
    filled = path.format(user=member.user.pk, account=member.user.account_id)

    answer = owner.ask(method, filled, body)

    assert answer.status_code == 200, answer.content
    assert member.ask("get", "users/me").status_code == 401
    assert browser.get("/").status_code == 302
    assert not Client().login(username="member@example.com", password="correct horse battery")
    assert not polled(resource)
    assert polled(others)
    resource.refresh_from_db()
    assert "deactivated" in resource.error

    on = filled.partition("?")[0]
    assert owner.ask("patch", on, {"active": True}).json()["active"] is True
    assert member.ask("get", "users/me").status_code == 200
    assert polled(resource)


def test_what_was_off_for_another_reason_stays_off(owner: Person, member: Person) -> None:
    resource = connect(member.user)
    ElementInstance.objects.update(enabled=False)
    PollingResource.objects.update(active=False)
    owner.ask("patch", f"users/{member.user.pk}", {"active": False})
    owner.ask("patch", f"users/{member.user.pk}", {"active": True})
    assert not polled(resource)


def test_a_user_who_is_off_stays_off_when_the_account_comes_back(
    owner: Person, member: Person
) -> None:
    resource = connect(member.user)
    account = f"accounts/{member.user.account_id}"
    for path, active in (
        (f"users/{member.user.pk}", False),
        (account, False),
        (account, True),
    ):
        owner.ask("patch", path, {"active": active})
    assert member.ask("get", "users/me").status_code == 401
    assert not polled(resource)


def test_a_user_in_an_account_that_is_off_comes_back_with_the_account(
    owner: Person, member: Person
) -> None:
    resource = connect(member.user)
    account, user = f"accounts/{member.user.account_id}", f"users/{member.user.pk}"
    for path, active in ((account, False), (user, False), (user, True)):
        owner.ask("patch", path, {"active": active})
    assert not polled(resource)
    owner.ask("patch", account, {"active": True})
    assert polled(resource)


def test_a_change_of_the_instance_does_not_start_it(owner: Person, member: Person) -> None:
    resource = connect(member.user)
    owner.ask("patch", f"users/{member.user.pk}", {"active": False})
    with transaction.atomic():
        instance_saved.send(
            ElementInstance, instance=resource.instance, created=False, reauthenticated=True
        )
    assert not polled(resource)


def test_a_poll_that_runs_meanwhile_loses_its_lease(owner: Person, member: Person) -> None:
    resource = connect(member.user)
    (held,) = claim.claim_instance(resource.instance_id, timezone.now())
    owner.ask("patch", f"users/{member.user.pk}", {"active": False})
    assert claim.renew([held], timezone.now()) == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("delete", "users/{user}", None),
        ("delete", "organizations/users/member@example.com", None),
        ("patch", "users/{user}?active=false&permanent=true", {}),
        ("patch", "users/{user}", {"active": False, "permanent": True}),
    ],
)
def test_removed_for_good(
    method: str, path: str, body: Any, owner: Person, member: Person, acme: NewOrganization
) -> None:
    resource = connect(member.user)
    answer = owner.ask(method, path.format(user=member.user.pk), body)

    assert answer.status_code == 200, answer.content
    assert member.ask("get", "users/me").status_code == 401
    assert not polled(resource)
    assert owner.ask("get", f"users/{member.user.pk}").status_code == 404
    assert owner.ask("get", "organizations/users/member@example.com").status_code == 404
    assert owner.ask("get", "users")["Elements-Total-Count"] == "1"
    # The address is free; what was connected is the organization's.
    again = owner.ask("post", "organizations/users", {"email": "member@example.com"})
    assert again.status_code == 200
    assert owner.ask("get", f"instances/{resource.instance_id}").status_code == 200
    left = User.objects.filter(pk=member.user.pk).values().get()
    assert "member" not in str(left)


def test_nobody_takes_the_own_access(owner: Person) -> None:
    for method, path, body in (
        ("patch", "users/me", {"active": False}),
        ("patch", "users/me", {"active": False, "permanent": True}),
        ("delete", "users/me", None),
        ("delete", "organizations/users/owner@example.com", None),
    ):
        assert owner.ask(method, path, body).status_code == 403
    assert owner.ask("get", "users/me").status_code == 200


def test_permanent_alone_is_refused(owner: Person, member: Person) -> None:
    for body in ({"permanent": True}, {"permanent": True, "active": True}, {"permanent": 5}):
        answer = owner.ask("patch", f"users/{member.user.pk}", body)
        assert answer.status_code == 400
        assert "permanent" in answer.json()["message"]


def test_held_says_whether_there_is_access(member: Person, branch: Account) -> None:
    assert access.held(member.user.pk)
    assert not access.held(0)
    access.set_account_active(branch, False)
    assert not access.held(member.user.pk)
    access.set_account_active(branch, True)
    access.set_user_active(member.user, False)
    assert not access.held(member.user.pk)
