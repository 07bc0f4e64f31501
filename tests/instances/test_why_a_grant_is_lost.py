"""Lost grants told apart, grants that end by themselves, and scopes that were not granted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from instances import expiring
from instances.credential import refresh
from instances.models import Credential, ElementInstance
from instances.reason import Reason, of_loss
from instances.signals import grant_expiring, grant_lost
from integrations.gmail.sandbox.grants import MAIL
from integrations.gmail.sandbox.server import SandboxServer
from transport.errors import GrantLost

API = "/elements/api-v2"
Json = dict[str, Any]
Body = Callable[..., Json]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SETTINGS_SCOPE = "https://www.googleapis.com/auth/gmail.settings.basic"

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("said", "known", "code"),
    [
        ("invalid_grant: Token has been expired or revoked.", {}, Reason.REVOKED),
        ("invalid_grant: Token has been expired or revoked.", {"ends_at": NOW}, Reason.EXPIRED),
        (
            "invalid_grant: Token has been expired or revoked.",
            {"ends_at": NOW + timedelta(days=3)},
            Reason.REVOKED,
        ),
        ("invalid_grant: The token expired", {}, Reason.EXPIRED),
        ("invalid_grant: The user changed the password", {}, Reason.PASSWORD_CHANGED),
        ("invalid_grant: reauth related error (invalid_rapt)", {}, Reason.SIGN_IN_REQUIRED),
        ("invalid_grant: Bad Request", {}, Reason.ENDED),
        ("invalid_grant: Bad Request", {"used_at": NOW - timedelta(days=181)}, Reason.UNUSED),
    ],
)
def test_losses_are_told_apart(said: str, known: Json, code: Reason) -> None:
    facts = {"ends_at": None, "used_at": NOW - timedelta(hours=1), **known}
    assert of_loss(said, now=NOW, **facts) == code


def lose(credential: Credential) -> Json:
    """Lets the next renewal find out; what `grant_lost` says."""
    told: list[Json] = []

    def note(**kwargs: Any) -> None:
        told.append(kwargs)

    grant_lost.connect(note)
    try:
        with pytest.raises(GrantLost):
            refresh(credential.pk, credential.access_token)
    finally:
        grant_lost.disconnect(note)
    [said] = told
    return said


@pytest.fixture
def in_testing(sandbox: SandboxServer, api: APIClient, body: Body) -> Json:
    """An instance of an application whose publishing status is Testing."""
    sandbox.control.register_client("sandbox-client", "sandbox-secret", testing=True)
    answer = api.post(f"{API}/instances", body(), format="json")
    assert answer.status_code == 200, answer.content
    created: Json = answer.json()
    return created


def test_a_revoked_grant_says_so_on_the_instance(
    connected: Json, api: APIClient, sandbox: SandboxServer
) -> None:
    sandbox.control.revoke()
    assert lose(Credential.objects.get())["code"] == "revoked"
    shown = api.get(f"{API}/instances/{connected['id']}").json()
    assert shown["reasonCode"] == "revoked"
    assert "the account's password was changed" in shown["problem"]


def test_a_grant_of_an_application_in_testing_ends_with_its_own_code(
    in_testing: Json, api: APIClient, sandbox: SandboxServer
) -> None:
    shown = api.get(f"{API}/instances/{in_testing['id']}").json()
    ends = datetime.fromisoformat(shown["authorizationEndsDate"])
    assert timedelta(days=6.9) < ends - timezone.now() < timedelta(days=7)
    assert "problem" not in shown

    sandbox.control.advance_clock(7 * 86_400)
    with time_machine.travel(timezone.now() + timedelta(days=7)):
        assert lose(Credential.objects.get())["code"] == "expired"
        shown = api.get(f"{API}/instances/{in_testing['id']}").json()
    assert shown["reasonCode"] == "expired"
    assert "Testing" in shown["problem"]


def test_a_grant_that_ends_soon_is_told_once_and_shown(
    in_testing: Json, api: APIClient, settings: Settings
) -> None:
    told: list[Json] = []

    def note(**kwargs: Any) -> None:
        told.append(kwargs)

    grant_expiring.connect(note)
    try:
        assert expiring.warn(timezone.now()) == 0
        with time_machine.travel(timezone.now() + timedelta(days=5, hours=1)):
            assert [expiring.warn(timezone.now()) for _ in range(2)] == [1, 0]
            shown = api.get(f"{API}/instances/{in_testing['id']}").json()
            [listed] = api.get(f"{API}/instances").json()
        settings.GRANT_WARNING_DAYS = 0.5
        with time_machine.travel(timezone.now() + timedelta(days=6)):
            assert "problem" not in api.get(f"{API}/instances/{in_testing['id']}").json()
    finally:
        grant_expiring.disconnect(note)
    assert [one["instance"].pk for one in told] == [in_testing["id"]]
    for one in (shown, listed):
        assert one["reasonCode"] == "expiring"
        assert one["valid"] is True
        assert "ends on" in one["problem"]


def test_a_new_grant_is_told_of_anew(in_testing: Json, api: APIClient, body: Body) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        assert expiring.warn(timezone.now()) == 1
    again = {"providerData": body()["providerData"]}
    assert api.patch(f"{API}/instances/{in_testing['id']}", again, format="json").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        assert expiring.warn(timezone.now()) == 1


def test_a_renewal_keeps_the_end_of_the_grant(in_testing: Json) -> None:
    before = Credential.objects.get()
    refresh(before.pk, before.access_token)
    after = Credential.objects.get()
    assert before.ends_at is not None
    assert after.ends_at is not None
    assert abs(after.ends_at - before.ends_at) < timedelta(seconds=5)


def test_a_scope_that_was_unticked_is_named_with_what_needs_it(
    api: APIClient, body: Body, consent: Callable[..., str]
) -> None:
    answer = api.post(
        f"{API}/instances", body(code=consent(scopes=[SETTINGS_SCOPE])), format="json"
    ).json()
    assert answer["missingScopes"] == [MAIL]
    assert answer["reasonCode"] == "scope-missing"
    assert "Not to be read or polled: profile, messages, threads" in answer["problem"]
    shown = api.get(f"{API}/instances/{answer['id']}").json()
    assert shown["missingScopes"] == [MAIL]
    api.patch(
        f"{API}/instances/{answer['id']}",
        {"configuration": {"event.notification.enabled": True}},
        format="json",
    )
    [polled] = api.get(f"{API}/instances/{answer['id']}/polls").json()["resources"]
    assert MAIL in polled["missingScopes"]

    answer = api.post(f"{API}/instances", body(code=consent(scopes=[MAIL])), format="json").json()
    assert answer["missingScopes"] == [SETTINGS_SCOPE]
    assert "Not to be changed: vacation, filters" in answer["problem"]
    assert "Not to be read" not in answer["problem"]


def test_every_scope_granted_leaves_nothing_to_say(connected: Json) -> None:
    assert not {"problem", "reasonCode", "missingScopes"} & set(connected)
    assert ElementInstance.objects.get().reason_code == ""
