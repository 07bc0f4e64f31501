"""Refusals that do not pass by themselves, and say nothing of the grant: told soon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from events.models import Event
from instances.models import Credential, CredentialState, ElementInstance
from instances.status import problem_of
from tests.all_due import refresh_all_due
from tests.instances.test_renewals_of_other_providers import due_credential, token
from tests.transport.scripted_provider import ScriptedProvider, answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endpoint(settings: Settings) -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
        settings.GOOGLE_TOKEN_URL = f"{scripted.url}/token"
        yield scripted


def renew() -> Credential:
    Credential.objects.update(refresh_due_at=timezone.now())
    refresh_all_due()
    return Credential.objects.get()


def problem() -> str:
    found = problem_of(ElementInstance.objects.select_related("credential").get(), {})
    return "" if found is None else found.code


def told() -> list[Any]:
    events = Event.objects.order_by("pk")
    return [json.loads(one.body)["message"]["raw"]["instance"][0] for one in events]


@pytest.mark.parametrize("code", ["no\0client", "no\ud800client"])
def test_a_code_that_no_column_holds_is_a_refusal_like_any(
    endpoint: ScriptedProvider, code: str
) -> None:
    due_credential()
    endpoint.otherwise = answer(400, {"error": code})

    for _ in range(2):
        after = renew()

    assert (after.failures, after.state) == (2, CredentialState.OK)
    assert after.refusal.replace("\N{REPLACEMENT CHARACTER}", "?") == "no?client"


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "invalid_client"), (400, "unauthorized_client"), (400, "deleted_client"),
     (403, "access_denied"), (200, "invalid_client")],
)  # fmt: skip
def test_a_refusal_that_lasts_is_told_once_and_ends_by_itself(
    endpoint: ScriptedProvider, status: int, code: str
) -> None:
    due_credential()
    endpoint.otherwise = answer(status, {"error": code, "error_description": "No such client."})

    assert (renew().refusal, problem()) == ("", "")  # once may be a mistake of the provider's
    for _ in range(3):
        after = renew()
        assert (after.refusal, after.state) == (code, CredentialState.OK)
        assert problem() == "renewal-refused"
    [record] = told()
    assert record["reasonCode"] == "renewal-refused"
    assert code in record["reason"]

    endpoint.otherwise = token()
    assert (renew().refusal, problem()) == ("", "")


@pytest.mark.parametrize(
    "failure",
    [
        answer(503, {"error": "temporarily_unavailable"}),
        answer(400, {"error": "temporarily_unavailable"}),
        answer(429, {"error": "invalid_client"}),
        answer(403, {"error": "rate_limited"}),
        answer(401, {"error": "invalid_client"}, Retry_After="60"),
        answer(404, b"<html>"),
    ],
)
def test_a_failure_that_passes_is_none(endpoint: ScriptedProvider, failure: bytes) -> None:
    due_credential()
    endpoint.otherwise = failure

    for _ in range(4):
        renew()

    assert (Credential.objects.get().refusal, problem(), told()) == ("", "", [])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("interaction_required", "sign-in-required"),
        ("login_required", "sign-in-required"),
        ("consent_required", "sign-in-required"),
        ("invalid_refresh_token", "ended"),
        ("Bad_Refresh_Token", "ended"),
        ("token_revoked", "revoked"),
        ("token_expired", "expired"),
    ],
)
def test_a_refresh_token_that_is_gone_loses_the_grant_whatever_the_word(
    endpoint: ScriptedProvider, code: str, reason: str
) -> None:
    due_credential()
    endpoint.otherwise = answer(400, {"error": code})

    assert renew().state == CredentialState.LOST
    instance = ElementInstance.objects.get()
    assert (instance.valid, instance.reason_code) == (False, reason)
    assert code in instance.problem or reason == "sign-in-required"


@pytest.mark.parametrize("code", ["token_expired", "invalid_grant"])
def test_a_server_in_trouble_loses_no_grant(endpoint: ScriptedProvider, code: str) -> None:
    due_credential()
    endpoint.otherwise = answer(503, {"error": code})

    for _ in range(3):
        assert renew().state == CredentialState.OK
