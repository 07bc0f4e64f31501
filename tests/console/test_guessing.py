"""Guessing of passwords comes to an end, and stands in nobody else's way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.provision import NewOrganization, create_organization
from accounts.tasks import remove_old_sessions
from tests.conftest import ClientFor

PASSWORD = "a passphrase of words"
GUESSES = 5

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> NewOrganization:
    return create_organization("Example", "user@example.com", PASSWORD, superuser=True)


def sign_in(
    password: str, name: str = "user@example.com", path: str = "/sign-in", **more: Any
) -> HttpResponse:
    return Client(**more).post(path, {"username": name, "password": password})  # type: ignore[return-value]


def guess(times: int = GUESSES, **more: Any) -> list[int]:
    return [sign_in("wrong", **more).status_code for _ in range(times)]


@pytest.mark.parametrize("path", ["/sign-in", "/admin/login/"])
def test_guesses_end(person: NewOrganization, path: str) -> None:
    assert guess(GUESSES - 1, path=path) == [200] * (GUESSES - 1)
    refused = sign_in("wrong", path=path)
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 15 * 60
    assert "<time datetime=" in refused.content.decode()
    assert sign_in(PASSWORD, path=path).status_code == 429  # the right one does not help either
    assert sign_in(PASSWORD).status_code == 429  # nor does the other page


def test_a_name_in_another_case_is_the_same(person: NewOrganization) -> None:
    guess(GUESSES - 1)
    assert sign_in("wrong", name=" User@Example.com").status_code == 429


def test_guesses_count_as_long_as_the_pause(person: NewOrganization) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        refused = guess()[-1]
    with time_machine.travel(now + timedelta(minutes=14), tick=False):
        assert sign_in("wrong").status_code == refused == 429
    with time_machine.travel(now + timedelta(minutes=16), tick=False):
        assert sign_in(PASSWORD).status_code == 302  # tries meanwhile did not put it off


def test_strangers_elsewhere_lock_nobody_out(person: NewOrganization) -> None:
    assert guess(REMOTE_ADDR="192.0.2.1")[-1] == 429
    assert sign_in(PASSWORD, REMOTE_ADDR="192.0.2.2").status_code == 302


def test_others_at_the_same_address_are_not_locked_out(person: NewOrganization) -> None:
    create_organization("Other", "other@example.com", PASSWORD)
    assert guess()[-1] == 429
    assert sign_in(PASSWORD, name="other@example.com").status_code == 302


def test_who_signs_in_is_forgiven(person: NewOrganization) -> None:
    guess(GUESSES - 1)
    assert sign_in(PASSWORD).status_code == 302
    assert guess(GUESSES - 1) == [200] * (GUESSES - 1)


def test_names_that_do_not_exist_are_answered_alike(person: NewOrganization) -> None:
    here = [sign_in("wrong") for _ in range(GUESSES)]
    nobody = [sign_in("wrong", name="nobody@example.com") for _ in range(GUESSES)]
    assert [one.status_code for one in here] == [one.status_code for one in nobody]


def test_an_address_from_the_header_counts_as_far_as_proxies_do(
    person: NewOrganization, settings: LazySettings
) -> None:
    """Else whoever invents addresses guesses without end."""
    for number in range(GUESSES):
        last = sign_in("wrong", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert last.status_code == 200 or last.status_code == 429
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    assert guess(HTTP_X_FORWARDED_FOR="203.0.113.1")[-1] == 429
    assert sign_in(PASSWORD, HTTP_X_FORWARDED_FOR="203.0.113.2").status_code == 302
    assert sign_in("x", HTTP_X_FORWARDED_FOR="203.0.113.3, 203.0.113.1").status_code == 429


def test_one_address_tries_so_many_names_a_minute(
    person: NewOrganization, settings: LazySettings, endless_minute: None
) -> None:
    settings.THROTTLE_SIGN_INS = 3
    here = "2001:db8::5"
    tried = [
        sign_in("wrong", name=f"user{number}@example.com", REMOTE_ADDR=here) for number in range(4)
    ]
    forgotten = Client(REMOTE_ADDR="2001:db8::6").post("/password", {"email": "x@example.com"})
    assert [one.status_code for one in tried] == [200, 200, 200, 429]
    assert tried[-1]["Retry-After"] == "40"
    assert forgotten.status_code == 429  # of the same network


def test_the_api_is_called_on(person: NewOrganization, client_for: ClientFor) -> None:
    assert guess()[-1] == 429
    assert client_for(person).get("/elements/api-v2/users/me").status_code == 200


def test_what_was_tried_is_not_kept_for_ever(person: NewOrganization) -> None:
    guess()
    assert "wrong" not in str(AccessAttempt.objects.values())
    remove_old_sessions()
    assert AccessAttempt.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        remove_old_sessions()
    assert not AccessAttempt.objects.exists()
