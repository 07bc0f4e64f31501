"""What a provider is told of an instance that is gone is a row, which nobody's death loses."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.test import APIClient

from instances import cleanup, grant, provision
from instances.models import Cleanup, Credential, ElementInstance
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import clean_all_due
from tests.killed_worker import FINISHED, KilledWorker

pytestmark = pytest.mark.django_db(transaction=True)
API = "/elements/api-v2"
REVOKE = {"path": "/revoke"}
Json = dict[str, Any]
Body = Callable[..., Json]


def connect(api: APIClient, body: Body) -> ElementInstance:
    answer = api.post(f"{API}/instances", body(), format="json")
    assert answer.status_code == 200, answer.content
    return ElementInstance.objects.get(pk=answer.json()["id"])


def statuses(sandbox: SandboxServer) -> list[int]:
    """Of the requests to revoke a grant."""
    return [one["status"] for one in sandbox.control.requests() if one["path"] == "/revoke"]


def make_due() -> None:
    Cleanup.objects.update(due_at=timezone.now())


def test_a_provider_that_is_down_is_told_later(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    instance = connect(api, body)
    sandbox.control.add_fault(REVOKE, {"status": 500}, times=2)
    provision.delete(instance.organization, instance.pk)

    before = timezone.now()
    clean_all_due()
    row = Cleanup.objects.get()
    assert (statuses(sandbox), row.failures) == ([500], 1)
    assert "500" in row.error
    assert timedelta(seconds=30) <= row.due_at - before < timedelta(seconds=60)
    clean_all_due()
    assert statuses(sandbox) == [500]

    make_due()
    clean_all_due()
    make_due()
    clean_all_due()
    assert statuses(sandbox) == [500, 500, 200]
    assert not Cleanup.objects.exists()


def test_it_is_given_up_in_the_end(api: APIClient, body: Body, sandbox: SandboxServer) -> None:
    instance = connect(api, body)
    provision.delete(instance.organization, instance.pk)
    Cleanup.objects.update(failures=cleanup.MAX_ATTEMPTS - 1)
    sandbox.control.add_fault(REVOKE, {"status": 503})

    clean_all_due()

    assert statuses(sandbox) == [503]
    assert not Cleanup.objects.exists()


def test_a_grant_that_the_provider_has_ended_already_is_revoked(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    instance = connect(api, body)
    sandbox.control.revoke()
    provision.delete(instance.organization, instance.pk)

    clean_all_due()

    assert statuses(sandbox) == [400]
    assert not Cleanup.objects.exists()


def test_an_account_that_was_connected_again_keeps_its_grant(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    instance = connect(api, body)
    provision.delete(instance.organization, instance.pk)
    again = connect(api, body)

    clean_all_due()

    assert statuses(sandbox) == []
    assert not Cleanup.objects.exists()
    provision.delete(again.organization, again.pk)
    clean_all_due()
    assert statuses(sandbox) == [200]


def test_secrets_are_kept_encrypted_and_no_longer_than_needed(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    instance = connect(api, body)
    token = Credential.objects.get(instance=instance).refresh_token
    provision.delete(instance.organization, instance.pk)

    assert token in Cleanup.objects.get().details
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c)::text FROM instances_cleanup AS c")
        [(stored,)] = cursor.fetchall()
    assert token not in stored
    assert "apiSecret" not in stored
    clean_all_due()
    assert not Cleanup.objects.exists()


def test_two_workers_share_what_is_due(api: APIClient, body: Body) -> None:
    for _ in range(2):
        instance = connect(api, body)
        provision.delete(instance.organization, instance.pk)
    now = timezone.now()

    one, other = cleanup.claim_due(1, now), cleanup.claim_due(5, now)

    assert len(one) == 1
    assert not {row.pk for row in one} & {row.pk for row in other}
    assert cleanup.claim_due(5, now) == []


def test_who_lost_the_lease_stores_nothing(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    instance = connect(api, body)
    provision.delete(instance.organization, instance.pk)
    [late] = cleanup.claim_due(1, timezone.now())
    make_due()
    [row] = cleanup.claim_due(1, timezone.now())
    sandbox.control.add_fault(REVOKE, {"status": 500}, times=1)

    cleanup.clean(late)
    assert Cleanup.objects.get().lease_id == row.lease_id
    cleanup.clean(row)
    assert not Cleanup.objects.exists()


def test_a_token_is_not_sent_to_an_address_that_was_set_after_the_deletion(
    api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    """Whoever may write private elements need not be who connected the account."""
    extended = {
        "key": "our-mail",
        "name": "Our mail",
        "extends": "gmail",
        "configuration": [{"key": "base.url", "defaultValue": sandbox.url}],
    }
    assert api.post(f"{API}/elements", extended, format="json").status_code == 200
    given = {**body(), "element": {"key": "our-mail"}}
    answer = api.post(f"{API}/instances", given, format="json")
    assert answer.status_code == 200, answer.content
    instance = ElementInstance.objects.get(pk=answer.json()["id"])
    provision.delete(instance.organization, instance.pk)
    extended["configuration"] = [{"key": "base.url", "defaultValue": "https://else.example"}]
    assert api.put(f"{API}/elements/our-mail", extended, format="json").status_code == 200

    clean_all_due()

    assert statuses(sandbox) == []
    assert not Cleanup.objects.exists()


def test_of_a_refresh_token_that_was_replaced_the_new_one_is_revoked(
    api: APIClient, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(gone: cleanup.Gone, details: object) -> None:
        assert gone.account.authorizer is not None
        assert gone.account.authorizer.refresh("rejected") == "new access"

    renewed = grant.Grant("new access", "new refresh", "", timezone.now(), None)
    revoked: list[str] = []
    monkeypatch.setattr(grant, "renew", lambda *_, **__: renewed)
    monkeypatch.setattr(grant, "revoke", lambda _, token: revoked.append(token))
    monkeypatch.setitem(cleanup.STEPS, "ask", ask)
    instance = connect(api, body)
    held = Credential.objects.get(instance=instance)
    with transaction.atomic():
        cleanup.plan(instance, steps=[cleanup.Step("ask")], revoke=held.refresh_token, held=held)
        ElementInstance.objects.filter(pk=instance.pk).delete()

    clean_all_due()

    assert revoked == ["new refresh"]


@pytest.fixture
def worker(transactional_db: None, sandbox: SandboxServer) -> Iterator[KilledWorker]:
    worker = KilledWorker(
        "tests.instances.in_one_thread.clean_all_due",
        GMAIL_API_BASE_URL=sandbox.url,
        GOOGLE_TOKEN_URL=f"{sandbox.url}/token",
        GOOGLE_REVOKE_URL=f"{sandbox.url}/revoke",
    )
    yield worker
    worker.close()


def test_killed_at_any_statement_the_grant_is_revoked(
    worker: KilledWorker, api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    statement, ended = 0, int(signal.SIGKILL)
    while ended != FINISHED:
        statement += 1
        instance = connect(api, body)
        sandbox.control.clear_requests()
        provision.delete(instance.organization, instance.pk)
        ended = worker.run(statement)
        assert ended in {int(signal.SIGKILL), FINISHED}
        # The dead worker's lease ends by itself: time passes.
        Cleanup.objects.update(due_at=F("due_at") - cleanup.LEASE)
        clean_all_due()
        assert not Cleanup.objects.exists()
        first, *again = statuses(sandbox)
        assert first == 200, statement
        assert {*again} <= {400}, statement  # there is nothing left to revoke
    assert statement > 2, "the worker was never killed within its work"
