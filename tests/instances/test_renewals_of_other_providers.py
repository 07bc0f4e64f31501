"""Token endpoints unlike Google's: refresh tokens that are spent, tokens that live for ever."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from elements import register
from instances import credential as module
from instances import tasks
from instances.claim import LEASE, claim_due
from instances.models import Credential, CredentialState, ElementInstance
from tests.all_due import refresh_all_due
from tests.elements.ledger import ledger
from tests.events.found import new_instance
from tests.killed_worker import FINISHED, KilledWorker
from tests.patience import PATIENCE
from tests.transport.scripted_provider import ScriptedProvider, answer
from worker.side_by_side import BlockingLoop

pytestmark = pytest.mark.django_db(transaction=True)
CLIENT = {"oauth.api.key": "a-client", "oauth.api.secret": "a-client-secret"}


def token(**parts: Any) -> bytes:
    whole = {"access_token": "new", "token_type": "Bearer", "expires_in": 3600, **parts}
    return answer(200, whole, Content_Type="application/json")


@pytest.fixture
def endpoint(settings: Settings) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GOOGLE_TOKEN_URL = f"{scripted.url}/token"
        yield scripted


@pytest.fixture
def credential() -> Credential:
    return due_credential()


def due_credential(**configuration: str) -> Credential:
    instance: ElementInstance = new_instance()
    instance.configuration = configuration
    instance.secrets = json.dumps(CLIENT)
    instance.save()
    made = Credential(
        instance=instance,
        access_token="old",
        refresh_token="first",
        refresh_due_at=timezone.now(),
        refreshed_at=timezone.now(),
    )
    made.save()
    return made


def asked_with(endpoint: ScriptedProvider) -> list[str]:
    return [parse_qs(one.body.decode())["refresh_token"][0] for one in endpoint.seen]


def renewed() -> Credential:
    refresh_all_due()
    return Credential.objects.get()


def test_a_refresh_token_in_the_answer_takes_the_old_ones_place(
    endpoint: ScriptedProvider, credential: Credential
) -> None:
    endpoint.answers = [token(refresh_token="second"), token(access_token="newer")]
    assert renewed().refresh_token == "second"
    Credential.objects.update(refresh_due_at=timezone.now())
    after = renewed()  # an answer without one keeps what there is
    assert (after.access_token, after.refresh_token) == ("newer", "second")
    assert asked_with(endpoint) == ["first", "second"]


def test_what_the_provider_gave_is_kept_while_the_database_is_away(
    endpoint: ScriptedProvider, credential: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider has spent the old token: to ask again with it would lose the grant."""
    endpoint.otherwise = token(refresh_token="second")
    store, away = module._store, iter([True, True, False])

    def failing(*args: Any) -> None:
        if next(away):
            raise OperationalError("the server closed the connection")
        store(*args)

    monkeypatch.setattr(module, "_store", failing)
    monkeypatch.setattr(module, "PAUSE_AFTER_LOST_DATABASE", 0.0)
    after = renewed()
    assert (after.access_token, after.refresh_token) == ("new", "second")
    assert asked_with(endpoint) == ["first"]


def test_a_token_of_unknown_life_is_renewed_as_configured(endpoint: ScriptedProvider) -> None:
    endpoint.otherwise = token(expires_in=None)
    for interval, ahead in (("600", 500), ("nonsense", 3000)):
        Credential.objects.all().delete()
        due_credential(**{"oauth.user.refresh_interval": interval})
        after = renewed()
        assert after.refresh_due_at is not None
        assert after.refreshed_at is not None
        assert after.refresh_due_at - after.refreshed_at == timedelta(seconds=ahead)


def test_an_interval_that_is_set_comes_before_a_later_expiry(endpoint: ScriptedProvider) -> None:
    endpoint.otherwise = token(expires_in=86_400)
    due_credential(**{"oauth.user.refresh_interval": "7200"})
    after = renewed()
    assert after.refresh_due_at is not None
    assert after.refreshed_at is not None
    assert after.refresh_due_at - after.refreshed_at == timedelta(hours=2)


def test_a_token_that_lives_for_ever_is_never_due(endpoint: ScriptedProvider) -> None:
    endpoint.otherwise = token(expires_in=None)
    due_credential(**{"oauth.user.refresh_interval": "0"})
    after = renewed()
    assert (after.expires_at, after.refresh_due_at) == (None, None)
    with time_machine.travel(timezone.now() + timedelta(days=400)):
        assert tasks.refresh_batch() == 0


def test_a_worker_killed_around_a_renewal_leaves_an_account_that_is_connected(
    endpoint: ScriptedProvider,
) -> None:
    """The provider takes the old token once more: all that anybody can build on."""
    endpoint.otherwise = token(refresh_token="second")
    worker = KilledWorker(
        "tests.instances.renewing.renew_what_is_due", GOOGLE_TOKEN_URL=f"{endpoint.url}/token"
    )
    statement, ended = 0, int(signal.SIGKILL)
    try:
        while ended != FINISHED:
            statement += 1
            Credential.objects.all().delete()
            made = due_credential()
            ended = worker.run(statement)
            # The dead worker's lease ends by itself: time passes.
            unchanged = Credential.objects.filter(refreshed_at=made.refreshed_at)
            unchanged.update(refresh_due_at=timezone.now())
            after = renewed()
            assert (after.access_token, after.refresh_token) == ("new", "second"), statement
            assert after.state == CredentialState.OK
    finally:
        worker.close()
    assert len(endpoint.seen) > statement, "never killed between the answer and the commit"
    assert statement > 4, "the worker was never killed within its work"


def test_the_organizations_take_turns() -> None:
    """So that one whose token endpoints are slow holds up its own."""
    many = [due_credential() for _ in range(5)]
    ElementInstance.objects.update(organization=many[0].instance.organization)
    other = due_credential()
    for seconds, one in enumerate(many):
        due_at = timezone.now() - timedelta(seconds=60 - seconds)
        Credential.objects.filter(pk=one.pk).update(refresh_due_at=due_at)

    assert claim_due(3, timezone.now()) == [many[0].pk, other.pk, many[1].pk]
    assert claim_due(100, timezone.now()) == [one.pk for one in many[2:]]
    assert claim_due(100, timezone.now()) == []


def test_an_account_that_nothing_could_renew_keeps_nobody_elses_waiting(
    endpoint: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a private element no longer authenticates by OAuth 2, or cannot be read."""
    monkeypatch.setattr("worker.side_by_side.THREADS", 1)
    endpoint.otherwise = token()
    stuck = due_credential()
    register.create(stuck.instance.organization_id, ledger())
    ElementInstance.objects.filter(pk=stuck.instance_id).update(element_key="ledger")
    other = due_credential()
    Credential.objects.filter(pk=stuck.pk).update(
        refresh_due_at=timezone.now() - timedelta(minutes=1)
    )

    refresh_all_due()

    other.refresh_from_db()
    assert other.access_token == "new"
    stuck.refresh_from_db()
    assert (stuck.state, stuck.access_token, stuck.failures) == (CredentialState.OK, "old", 1)
    assert "does not use OAuth 2" in stuck.error


def test_a_renewal_that_fails_by_our_fault_keeps_nobody_elses_waiting(
    endpoint: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.side_by_side.THREADS", 1)
    endpoint.otherwise = token()
    stuck, other = due_credential(), due_credential()
    refresh = module.refresh

    def failing(credential_id: int, *given: Any, **named: Any) -> str:
        if credential_id == stuck.pk:
            raise LookupError("a fault of ours")
        return refresh(credential_id, *given, **named)

    monkeypatch.setattr(tasks, "refresh", failing)

    refresh_all_due()

    other.refresh_from_db()
    assert other.access_token == "new"
    stuck.refresh_from_db()
    assert (stuck.failures, stuck.error) == (1, "The token was not renewed: LookupError.")


def test_a_token_endpoint_that_hangs_keeps_one_thread_only() -> None:
    credentials = [due_credential() for _ in range(20)]
    done = threading.Semaphore(0)
    waited: list[bool] = []

    def renew(credential_id: int) -> None:
        if credential_id == credentials[0].pk:
            waited.extend(done.acquire(timeout=PATIENCE) for _ in credentials[1:])
        done.release()

    assert BlockingLoop(claim_due, renew, most=80, lease=LEASE).batch() == 20
    assert waited == [True] * 19  # all others were renewed meanwhile
