"""An account stays authorized: tokens are renewed ahead of expiry, one at a time, and lost once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from instances import credential as module
from instances import probe, provision
from instances.claim import LEASE
from instances.credential import CredentialAuthorizer, refresh
from instances.models import Credential, CredentialState, ElementInstance
from instances.signals import grant_lost, instance_saved
from instances.tasks import refresh_batch
from integrations.gmail.sandbox.server import SandboxServer
from tests.all_due import clean_all_due, refresh_all_due
from transport.errors import GrantLost, ProviderError, ProviderUnreachable
from worker import side_by_side

API = "/elements/api-v2"
Json = dict[str, Any]
Body = Callable[..., Json]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def credential(connected: Json) -> Credential:
    return Credential.objects.get(instance_id=connected["id"])


def token_requests(sandbox: SandboxServer) -> int:
    return sum(entry["path"] == "/token" for entry in sandbox.control.requests())


def test_renewal_is_due_ahead_of_expiry(credential: Credential) -> None:
    assert credential.expires_at is not None
    assert credential.refresh_due_at is not None
    ahead = credential.expires_at - credential.refresh_due_at
    assert timedelta(minutes=9) < ahead < timedelta(minutes=11)


def test_due_credentials_are_renewed(credential: Credential, sandbox: SandboxServer) -> None:
    before = credential.access_token
    refresh_all_due()
    assert Credential.objects.get().access_token == before  # not due yet

    with time_machine.travel(timezone.now() + timedelta(minutes=51)):
        refresh_all_due()
        renewed = Credential.objects.get()

        assert renewed.access_token != before
        assert renewed.refresh_token == credential.refresh_token  # Google sends no new one
        assert renewed.refresh_due_at is not None
        assert renewed.refresh_due_at > timezone.now()
        assert renewed.failures == 0


def test_what_is_not_begun_in_time_is_left_for_the_next_lease(
    credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=51), tick=False) as clock:
        with monkeypatch.context() as patch:
            patch.setattr(side_by_side, "BEGIN_WITHIN", 0.0)  # as when a provider hangs
            assert refresh_batch() == 1
        assert Credential.objects.get().access_token == credential.access_token
        assert refresh_batch() == 0
        clock.shift(LEASE)
        assert refresh_batch() == 1
        assert Credential.objects.get().access_token != credential.access_token


def test_of_many_that_want_a_new_token_one_asks(
    credential: Credential, sandbox: SandboxServer
) -> None:
    sandbox.control.clear_requests()
    sandbox.control.add_fault({"path": "/token"}, {"latency_ms": 200})
    given: list[str] = []

    def renew() -> None:
        try:
            given.append(refresh(credential.pk, credential.access_token))
        finally:
            connection.close()

    threads = [threading.Thread(target=renew) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(given) == 5
    assert len(set(given)) == 1
    assert given[0] != credential.access_token
    assert token_requests(sandbox) == 1


def test_a_rejected_token_is_renewed_within_a_call(
    credential: Credential,
    connected: Json,
    sandbox: SandboxServer,
    organization: Any,
    client_for: Callable[..., APIClient],
) -> None:
    sandbox.control.expire_access_tokens()

    answer = client_for(organization, connected["token"]).get(f"{API}/profile")

    assert answer.status_code == 200, answer.content
    assert Credential.objects.get().access_token != credential.access_token


def test_the_async_runner_renews_beside_the_event_loop(credential: Credential) -> None:
    authorizer = CredentialAuthorizer(credential.pk, credential.access_token)

    renewed = asyncio.run(authorizer.arefresh(credential.access_token))

    assert renewed == authorizer.access_token() == Credential.objects.get().access_token
    assert renewed != credential.access_token


def test_invalid_grant_is_the_end(
    credential: Credential,
    connected: Json,
    api: APIClient,
    sandbox: SandboxServer,
    organization: Any,
    client_for: Callable[..., APIClient],
) -> None:
    told: list[Json] = []

    def note(**kwargs: Any) -> None:
        told.append(kwargs)

    sandbox.control.revoke()
    grant_lost.connect(note)
    try:
        for _ in range(2):
            with pytest.raises(GrantLost):
                refresh(credential.pk, credential.access_token)
    finally:
        grant_lost.disconnect(note)

    assert len(told) == 1
    assert "invalid_grant" in told[0]["reason"]
    shown = api.get(f"{API}/instances/{connected['id']}").json()
    assert shown["valid"] is False
    assert "Connect the account again" in shown["problem"]
    lost = Credential.objects.get()
    assert lost.state == CredentialState.LOST
    assert lost.refresh_due_at is None
    call = client_for(organization, connected["token"]).get(f"{API}/profile")
    assert call.status_code == 401
    assert "invalid_grant" in call.json()["message"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 500}, ProviderError),
        ({"status": 503, "retry_after": 600}, ProviderError),
        ({"html": True}, Exception),
        ({"cut": "before"}, ProviderUnreachable),
    ],
)
def test_no_other_failure_loses_the_grant(
    credential: Credential,
    sandbox: SandboxServer,
    answer: Json,
    error: type[Exception],
) -> None:
    sandbox.control.add_fault({"path": "/token"}, answer)

    with pytest.raises(error):
        refresh(credential.pk, credential.access_token)

    failed = Credential.objects.get()
    assert failed.state == CredentialState.OK
    assert failed.failures == 1
    assert failed.error
    assert failed.refresh_due_at is not None
    pause = (failed.refresh_due_at - timezone.now()).total_seconds()
    assert 20 < pause <= (600 if "retry_after" in answer else 30)
    assert ElementInstance.objects.get().valid

    sandbox.control.clear_faults()
    assert refresh(credential.pk, credential.access_token) != credential.access_token
    assert Credential.objects.get().failures == 0


def test_an_access_token_alone_ends_when_it_is_rejected(
    api: APIClient, sandbox: SandboxServer
) -> None:
    tokens = sandbox.control.sign_in()
    created = api.post(
        f"{API}/instances",
        {
            "name": "Brought",
            "element": {"key": "gmail"},
            "externalAuthentication": "initial",
            "configuration": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.user.token": tokens["access_token"],
            },
        },
        format="json",
    )
    assert created.status_code == 200, created.content
    credential = Credential.objects.get()
    assert credential.refresh_due_at is None

    sandbox.control.revoke()
    with pytest.raises(ProviderError, match="asked once more"):
        refresh(credential.pk, tokens["access_token"])
    with (
        time_machine.travel(timezone.now() + timedelta(seconds=module.CONFIRMED_AFTER)),
        pytest.raises(GrantLost, match="no refresh token"),
    ):
        refresh(credential.pk, tokens["access_token"])

    assert not ElementInstance.objects.get().valid


def test_a_loss_that_comes_late_does_not_end_the_next_grant(
    api: APIClient, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: Json = {
        "externalAuthentication": "initial",
        "configuration": {
            "oauth.api.key": "sandbox-client",
            "oauth.api.secret": "sandbox-secret",
            "oauth.user.token": sandbox.control.sign_in()["access_token"],
        },
    }
    body = {"name": "Brought", "element": {"key": "gmail"}, **brought}
    created = api.post(f"{API}/instances", body, format="json").json()
    before = Credential.objects.get()
    another = sandbox.control.sign_in()["access_token"]
    brought["configuration"]["oauth.user.token"] = another
    lose = module._lose

    def late(*args: Any) -> None:
        path = f"{API}/instances/{created['id']}"
        assert api.patch(path, brought, format="json").status_code == 200
        lose(*args)

    monkeypatch.setattr(module, "_lose", late)
    monkeypatch.setattr(probe, "accepts", lambda *_: False)
    Credential.objects.update(failures=1, refresh_due_at=timezone.now())
    with pytest.raises(GrantLost):
        refresh(before.pk, before.access_token)
    assert ElementInstance.objects.get().valid
    after = Credential.objects.get()
    assert (after.state, after.access_token) == (CredentialState.OK, another)


def test_connecting_again_keeps_id_and_token(
    credential: Credential, connected: Json, api: APIClient, body: Body, sandbox: SandboxServer
) -> None:
    sandbox.control.revoke()
    with pytest.raises(GrantLost):
        refresh(credential.pk, credential.access_token)
    told: list[Json] = []

    def note(**kwargs: Any) -> None:
        told.append(kwargs)

    instance_saved.connect(note)
    try:
        answer = api.patch(
            f"{API}/instances/{connected['id']}",
            {"providerData": body()["providerData"]},
            format="json",
        )
    finally:
        instance_saved.disconnect(note)

    assert answer.status_code == 200, answer.content
    again = answer.json()
    assert (again["id"], again["token"]) == (connected["id"], connected["token"])
    assert again["valid"] is True
    assert "problem" not in again
    assert told[0]["reauthenticated"] is True
    assert Credential.objects.get().state == CredentialState.OK
    assert api.get(f"{API}/instances/{connected['id']}").json()["valid"] is True


def test_connecting_again_with_a_bad_code_changes_nothing(
    credential: Credential, connected: Json, api: APIClient
) -> None:
    answer = api.put(
        f"{API}/instances/{connected['id']}",
        {"name": "New", "providerData": {"code": "no-such-code"}},
        format="json",
    )

    assert answer.status_code == 400
    assert answer.json()["providerMessage"]
    assert ElementInstance.objects.get().name == "Mailbox"
    assert Credential.objects.get().access_token == credential.access_token


def test_a_deleted_instance_is_revoked_at_the_provider(
    credential: Credential, connected: Json, sandbox: SandboxServer
) -> None:
    instance = ElementInstance.objects.get()
    sandbox.control.clear_requests()

    provision.delete(instance.organization, instance.pk)
    clean_all_due()

    [request] = [entry for entry in sandbox.control.requests() if entry["path"] == "/revoke"]
    assert request["status"] == 200
    assert credential.refresh_token not in str(request)


def test_deletion_does_not_wait_for_the_provider(
    credential: Credential, connected: Json, api: APIClient, sandbox: SandboxServer
) -> None:
    sandbox.control.add_fault({"path": "/revoke"}, {"status": 500})

    assert api.delete(f"{API}/instances/{connected['id']}").status_code == 200
    assert not ElementInstance.objects.exists()
    with pytest.raises(GrantLost):
        refresh(credential.pk, credential.access_token)
