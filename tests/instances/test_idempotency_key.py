"""POST /instances with an Idempotency-Key: one account, one answer, whatever happens between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from instances import grant, provision
from instances.idempotency import HELD_FOR
from instances.models import ElementInstance, IdempotencyKey
from tests.conftest import ClientFor
from tests.patience import PATIENCE

API = "/elements/api-v2"
KEY = {"idempotency-key": "first-try"}
Body = Callable[..., dict[str, Any]]


def test_the_same_request_is_answered_alike(api: APIClient, body: Body) -> None:
    wanted = body()
    first = api.post(f"{API}/instances", wanted, format="json", headers=KEY)
    again = api.post(
        f"{API}/instances/", dict(reversed(wanted.items())), format="json", headers=KEY
    )
    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert again.json()["token"] in api.get(f"{API}/instances/{first.json()['id']}").json().values()
    assert ElementInstance.objects.count() == 1


def test_another_body_conflicts(api: APIClient, body: Body) -> None:
    wanted = body()
    api.post(f"{API}/instances", wanted, format="json", headers=KEY)
    other = api.post(f"{API}/instances", {**wanted, "name": "Other"}, format="json", headers=KEY)
    assert other.status_code == 409
    assert "Idempotency-Key" in other.json()["message"]
    assert ElementInstance.objects.count() == 1


def test_a_key_is_forgotten_after_a_day(api: APIClient, body: Body) -> None:
    first = api.post(f"{API}/instances", body(), format="json", headers=KEY).json()
    with time_machine.travel(timezone.now() + timedelta(hours=24, seconds=1)):
        later = api.post(f"{API}/instances", body(), format="json", headers=KEY).json()
    assert later["id"] != first["id"]


def test_an_instance_that_was_deleted_is_not_answered_again(api: APIClient, body: Body) -> None:
    wanted = body()
    first = api.post(f"{API}/instances", wanted, format="json", headers=KEY).json()
    assert api.delete(f"{API}/instances/{first['id']}").status_code == 200
    again = api.post(f"{API}/instances", wanted, format="json", headers=KEY)
    assert again.status_code == 409
    assert "has been deleted" in again.json()["message"]
    assert first["token"] not in again.content.decode()


def test_a_failed_request_gives_the_key_back(api: APIClient, body: Body) -> None:
    spent = body(code="not-a-code")
    assert api.post(f"{API}/instances", spent, format="json", headers=KEY).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert api.post(f"{API}/instances", body(), format="json", headers=KEY).status_code == 200


def test_a_request_whose_process_died_holds_the_key_for_a_while(
    api: APIClient, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = body()

    def die(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(grant, "exchange", die)
        with pytest.raises(SystemExit):
            api.post(f"{API}/instances", wanted, format="json", headers=KEY)

    soon = api.post(f"{API}/instances", wanted, format="json", headers=KEY)
    assert (soon.status_code, "still at work" in soon.json()["message"]) == (409, True)
    with time_machine.travel(timezone.now() + HELD_FOR + timedelta(seconds=1)):
        later = api.post(f"{API}/instances", wanted, format="json", headers=KEY)
    assert later.status_code == 200, later.content


def test_who_was_overtaken_creates_nothing(
    api: APIClient, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = provision.create

    def slowly(*given: Any, **named: Any) -> ElementInstance:
        IdempotencyKey.objects.update(holder=None)  # as another does after HELD_FOR
        return create(*given, **named)

    monkeypatch.setattr(provision, "create", slowly)
    answer = api.post(f"{API}/instances", body(), format="json", headers=KEY)
    assert answer.status_code == 409
    assert not ElementInstance.objects.exists()


@pytest.mark.parametrize("key", ["", "  ", "k" * 256, "k\u00e9y"])
def test_unusable_keys(api: APIClient, key: str) -> None:
    answer = api.post(
        f"{API}/instances",
        {"name": "n", "element": {"key": "gmail"}},
        format="json",
        headers={"idempotency-key": key},
    )
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Idempotency-Key: must be")


def test_another_organization_has_keys_of_its_own(
    api: APIClient, body: Body, client_for: ClientFor
) -> None:
    first = api.post(f"{API}/instances", body(), format="json", headers=KEY).json()
    other = client_for(create_organization("Another", "other@example.com"))
    second = other.post(f"{API}/instances", body(), format="json", headers=KEY).json()
    assert second["id"] != first["id"]


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_connects(
    api: APIClient,
    body: Body,
    organization: NewOrganization,
    client_for: ClientFor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = body()
    begun, go_on = threading.Event(), threading.Event()
    exchange = grant.exchange

    def waiting(*given: Any, **named: Any) -> grant.Grant:
        begun.set()
        assert go_on.wait(PATIENCE)
        return exchange(*given, **named)

    monkeypatch.setattr(grant, "exchange", waiting)
    answers = []

    def first() -> None:
        client = client_for(organization)
        answers.append(client.post(f"{API}/instances", wanted, format="json", headers=KEY))
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(PATIENCE)
    second = api.post(f"{API}/instances", wanted, format="json", headers=KEY)
    go_on.set()
    thread.join(PATIENCE)
    assert second.status_code == 409
    assert answers[0].status_code == 200, answers[0].content
    assert ElementInstance.objects.count() == 1
