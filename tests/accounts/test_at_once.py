"""Two who act at the same moment: one wins, and what lasts is not started for who is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts import access
from accounts.models import User
from accounts.provision import NewOrganization, create_organization, create_user
from accounts.roles import ADMIN, ORG_ADMIN
from tests.accounts.conftest import Person, person_of
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(transactional_db: None) -> NewOrganization:
    return create_organization("Acme", "owner@example.com")


@pytest.fixture
def second(acme: NewOrganization) -> Person:
    made = create_user(
        acme.organization.default_account, "second@example.com", roles=[ORG_ADMIN, ADMIN]
    )
    return person_of(made.user, made.secret, acme.organization_secret)


def together(*works: Callable[[], None]) -> None:
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        barrier.wait()
        try:
            work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


def test_of_two_who_take_each_others_role_one_keeps_it(owner: Person, second: Person) -> None:
    statuses: list[int] = []

    def take(by: Person, of: Person) -> Callable[[], None]:
        path = f"users/{of.user.pk}/roles/org-admin"
        return lambda: statuses.append(by.ask("delete", path).status_code)

    together(take(owner, second), take(second, owner))

    assert sorted(statuses) == [200, 403]


def test_of_two_who_remove_each_other_one_stays(owner: Person, second: Person) -> None:
    statuses: list[int] = []

    def remove(by: Person, of: Person) -> Callable[[], None]:
        path = f"users/{of.user.pk}"
        return lambda: statuses.append(by.ask("delete", path).status_code)

    together(remove(owner, second), remove(second, owner))

    assert sorted(statuses) == [200, 401]
    assert User.objects.filter(is_active=True).count() == 1


def test_one_address_is_given_once(owner: Person, second: Person) -> None:
    statuses: list[int] = []

    def make(by: Person) -> Callable[[], None]:
        body = {"email": "new@example.com"}
        return lambda: statuses.append(by.ask("post", "organizations/users", body).status_code)

    together(make(owner), make(second), make(owner), make(second))

    assert sorted(statuses) == [200, 409, 409, 409]


def test_switching_off_waits_for_what_is_being_started(second: Person) -> None:
    switched = threading.Event()

    def switch_off() -> None:
        try:
            access.set_user_active(second.user, False)
            switched.set()
        finally:
            connection.close()

    thread = threading.Thread(target=switch_off)
    with transaction.atomic():
        assert access.held(second.user.pk)
        thread.start()
        assert not switched.wait(0.5)
    thread.join(PATIENCE)
    assert switched.is_set()
    with transaction.atomic():
        assert not access.held(second.user.pk)
