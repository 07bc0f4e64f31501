"""Several instances of one account at the provider: its grant ends with the last of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from instances import account, provision
from instances.models import Credential, ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import clean_all_due
from tests.patience import PATIENCE
from transport import sync

API = "/elements/api-v2"
pytestmark = pytest.mark.django_db(transaction=True)
PROFILE = {"path": "/gmail/v1/users/me/profile"}
Body = Callable[..., dict[str, Any]]


def connect(api: APIClient, body: Body, **more: Any) -> int:
    answer = api.post(f"{API}/instances", body(**more), format="json")
    assert answer.status_code == 200, answer.content
    return int(answer.json()["id"])


def delete(instance_id: int) -> None:
    instance = ElementInstance.objects.get(pk=instance_id)
    provision.delete(instance.organization, instance.pk)
    clean_all_due()


def revocations(sandbox: SandboxServer) -> int:
    return sum(entry["path"] == "/revoke" for entry in sandbox.control.requests())


def test_the_grant_ends_with_the_last_instance(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    one, other = connect(api, body), connect(api, body)
    assert len(set(Credential.objects.values_list("account", flat=True))) == 1

    delete(one)
    assert revocations(sandbox) == 0
    delete(other)
    assert revocations(sandbox) == 1


def test_the_grant_lasts_where_the_deletion_is_undone(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    """As that of a page of the admin, which is one transaction."""
    instance = ElementInstance.objects.get(pk=connect(api, body))
    with transaction.atomic():
        provision.delete(instance.organization, instance.pk)
        transaction.set_rollback(True)
    clean_all_due()
    assert ElementInstance.objects.filter(pk=instance.pk).exists()
    assert revocations(sandbox) == 0


def test_an_instance_that_has_lost_its_grant_keeps_none(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    one, other = connect(api, body), connect(api, body)
    Credential.objects.filter(instance=other).update(state="lost")
    delete(one)
    assert revocations(sandbox) == 1


def test_an_account_that_the_provider_does_not_name_is_connected_and_revoked(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    sandbox.control.add_fault(PROFILE, {"status": 500})
    one = connect(api, body)
    connect(api, body)
    assert set(Credential.objects.values_list("account", flat=True)) == {""}
    delete(one)
    assert revocations(sandbox) == 1


def test_a_name_that_cannot_be_stored_is_none(
    api: APIClient, body: Body, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "run", lambda *_, **__: {"emailAddress": "\ud800@example.com"})

    connect(api, body)

    assert set(Credential.objects.values_list("account", flat=True)) == {""}


def test_connecting_again_tells_whose_it_is_now(
    api: APIClient, body: Body, consent: Callable[..., str], sandbox: SandboxServer
) -> None:
    sandbox.control.add_fault(PROFILE, {"status": 500})
    one = connect(api, body)
    sandbox.control.clear_faults()
    again = {"providerData": {"code": consent()}}
    assert api.patch(f"{API}/instances/{one}", again, format="json").status_code == 200
    assert len(Credential.objects.get().account) == 64


@pytest.mark.django_db(transaction=True)
def test_of_two_that_are_deleted_at_once_the_second_ends_it(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    one, other = connect(api, body), connect(api, body)
    begun = threading.Event()

    def second() -> None:
        try:
            begun.set()
            delete(other)
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        whose = Credential.objects.get(instance=one).account
        ElementInstance.objects.filter(pk=one).delete()
        assert account.is_used_still(whose)
        thread.start()
        assert begun.wait(PATIENCE)
        thread.join(0.3)
        assert thread.is_alive()  # it waits, for it cannot know what becomes of the first
    thread.join(PATIENCE)
    assert revocations(sandbox) == 1
