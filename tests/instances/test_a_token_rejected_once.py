"""A 401 where nothing can be renewed: providers answer one to good tokens, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from instances import credential as module
from instances.credential import CONFIRMED_AFTER, refresh
from instances.models import Credential, CredentialState
from tests.all_due import refresh_all_due
from tests.instances.test_renewals_of_other_providers import due_credential
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport.errors import GrantLost, ProviderError

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = answer(200, {"emailAddress": "user@example.com"})
REJECTED = answer(401)
AWAY = answer(503)


@pytest.fixture
def provider(settings: Settings) -> Iterator[ScriptedProvider]:
    with ScriptedProvider(otherwise=REJECTED) as scripted:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GMAIL_API_BASE_URL = scripted.url
        yield scripted


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as coordinates:
        yield coordinates


@pytest.fixture
def credential(clock: time_machine.Traveller) -> Credential:
    made = due_credential()
    made.refresh_token, made.refresh_due_at = "", None
    made.save()
    return made


def state() -> str:
    return Credential.objects.get().state


def reject(credential: Credential) -> None:
    """A request of the account is answered 401."""
    with pytest.raises(ProviderError, match="asked once more"):
        refresh(credential.pk, "old")


def test_a_token_that_the_provider_accepts_elsewhere_is_used_again(
    provider: ScriptedProvider, credential: Credential
) -> None:
    provider.otherwise = GOOD

    assert [refresh(credential.pk, "old") for _ in range(3)] == ["old"] * 3

    assert (state(), Credential.objects.get().refresh_due_at) == (CredentialState.OK, None)
    assert provider.seen[0].headers["authorization"] == "Bearer old"


def test_the_worker_confirms_it_some_time_later(
    provider: ScriptedProvider, credential: Credential, clock: time_machine.Traveller
) -> None:
    for _ in range(5):  # at once: no more than one
        reject(credential)
    refresh_all_due()
    assert state() == CredentialState.OK

    clock.shift(timedelta(seconds=CONFIRMED_AFTER))
    refresh_all_due()

    after = Credential.objects.select_related("instance").get()
    assert (after.state, after.refresh_due_at) == (CredentialState.LOST, None)
    assert (after.instance.valid, after.instance.reason_code) == (False, "no-refresh-token")


def test_a_provider_that_accepts_it_again_ends_the_doubt(
    provider: ScriptedProvider, credential: Credential, clock: time_machine.Traveller
) -> None:
    for _ in range(3):
        provider.otherwise = REJECTED
        reject(credential)
        provider.otherwise = GOOD
        clock.shift(timedelta(seconds=CONFIRMED_AFTER))
        refresh_all_due()
        after = Credential.objects.get()
        assert (after.state, after.failures, after.error) == (CredentialState.OK, 0, "")


@pytest.mark.parametrize("again", [REJECTED, AWAY])
def test_where_nobody_could_confirm_it_the_next_rejection_does(
    provider: ScriptedProvider,
    credential: Credential,
    clock: time_machine.Traveller,
    again: bytes,
) -> None:
    provider.otherwise = AWAY
    reject(credential)
    clock.shift(timedelta(seconds=CONFIRMED_AFTER))
    refresh_all_due()
    assert state() == CredentialState.OK

    provider.otherwise = again
    with pytest.raises(GrantLost, match="no refresh token"):
        refresh(credential.pk, "old")
    assert state() == CredentialState.LOST


def test_a_provider_that_is_away_all_the_time_loses_nothing(
    provider: ScriptedProvider, credential: Credential, clock: time_machine.Traveller
) -> None:
    provider.otherwise = AWAY
    for _ in range(3):
        reject(credential)
        for pause in (timedelta(seconds=CONFIRMED_AFTER), module.BACKOFF.longest):
            clock.shift(pause)
            refresh_all_due()
        assert (state(), Credential.objects.get().failures) == (CredentialState.OK, 0)


def test_who_only_looks_leaves_no_trace(provider: ScriptedProvider, credential: Credential) -> None:
    with pytest.raises(ProviderError):
        refresh(credential.pk, "old", noting=False)

    assert Credential.objects.get().failures == 0
