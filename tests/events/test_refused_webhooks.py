"""A proven webhook that is not understood is kept where people see it, and can be read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from api.errors import Unprocessable
from elements.register import replace
from events import receiver_body, refused, tasks
from events.models import Event, RefusedWebhook
from instances.models import ElementInstance
from tests.elements.ledger import ledger
from tests.events.vendor import API, BODY, HEADER, WEBHOOK, connect, element, send, signature

pytestmark = pytest.mark.django_db
ELSEWHERE = {"action": "added", "kind": "entry", "items": [{"id": "e1"}]}


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization)
    return connect(organization)


@pytest.fixture
def api(organization: NewOrganization) -> APIClient:
    header = f"User {organization.user_secret}, Organization {organization.organization_secret}"
    return APIClient(headers={"Authorization": header})


def kept(api: APIClient, books: ElementInstance) -> list[dict[str, Any]]:
    answer = api.get(f"{API}/instances/{books.pk}/refused-webhooks")
    assert answer.status_code == 200, answer.content
    return list(answer.json())


def read_again(api: APIClient, books: ElementInstance, refused_id: int) -> Any:
    return api.post(f"{API}/instances/{books.pk}/refused-webhooks/{refused_id}/read")


def learn(organization: NewOrganization, **webhook: Any) -> None:
    """The element reads webhooks in another way from now on."""
    replace(organization.organization.pk, "ledger", ledger(webhook={**WEBHOOK, **webhook}))


def test_what_is_not_understood_is_kept_with_its_reason(
    books: ElementInstance, api: APIClient
) -> None:
    headers = {"X-Ledger-Delivery": "d-1", "X-Other": "unread"}
    answer = send(f"ledger/{books.pk}", ELSEWHERE, headers=headers)
    assert answer.status_code == 422

    [one] = kept(api, books)
    assert one["reason"] == answer.json()["message"]
    assert "data.entries" in one["reason"]
    assert json.loads(one["body"]) == ELSEWHERE
    assert (one["contentType"], one["size"]) == ("application/json", len(one["body"]))
    assert one["headers"] == {"X-Ledger-Delivery": "d-1"}, "neither the proof, nor what is unread"
    assert one["createdDate"] == one["lastReceivedDate"]
    assert not Event.objects.exists()


def test_the_same_again_is_counted(books: ElementInstance, api: APIClient) -> None:
    for _ in range(3):
        assert send(f"ledger/{books.pk}", ELSEWHERE).status_code == 422
    assert send(f"ledger/{books.pk}", {**ELSEWHERE, "kind": "other"}).status_code == 422
    assert [one["times"] for one in kept(api, books)] == [1, 3]


def test_what_nobody_has_signed_is_not_kept(books: ElementInstance) -> None:
    assert send(f"ledger/{books.pk}", ELSEWHERE, secret="wrong").status_code == 401
    assert not RefusedWebhook.objects.exists()


def test_what_is_no_json_is_kept_as_it_came(books: ElementInstance, api: APIClient) -> None:
    assert send(f"ledger/{books.pk}", b"{\x00\xff").status_code == 400
    [one] = kept(api, books)
    assert one["body"] == "{\x00\ufffd"
    assert bytes(RefusedWebhook.objects.get().body) == b"{\x00\xff"


def test_one_who_understands_it_does_not_hide_one_who_does_not(
    organization: NewOrganization, monkeypatch: pytest.MonkeyPatch
) -> None:
    element(organization)
    first, second = connect(organization), connect(organization)
    changes = receiver_body.changes
    calls: Iterator[int] = iter((1, 2))

    def once(*given: Any) -> Any:
        if next(calls) == 1:
            raise Unprocessable("not this one")
        return changes(*given)

    monkeypatch.setattr(receiver_body, "changes", once)
    raw = json.dumps(BODY).encode()
    answer = APIClient().generic(
        "POST",
        f"{API}/events/ledger",
        raw,  # type: ignore[arg-type]  # the stubs know of text only
        "application/json",
        headers={HEADER: signature(raw), "Element-Instances": f"{first.pk},{second.pk}"},
    )
    assert answer.status_code == 200
    row, event = RefusedWebhook.objects.get(), Event.objects.get()
    assert row.reason == "not this one"
    assert {row.instance_id, event.instance_id} == {first.pk, second.pk}


def test_an_instance_keeps_a_bounded_number_and_the_latest(
    books: ElementInstance, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MAX_KEPT", 3)
    for number in (1, 2, 3, 1, 4):
        send(f"ledger/{books.pk}", {**ELSEWHERE, "number": number})
    assert [json.loads(one["body"])["number"] for one in kept(api, books)] == [4, 1, 3]


def test_an_instance_keeps_a_bounded_number_of_bytes(
    books: ElementInstance, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MAX_KEPT_BYTES", 2_500)
    for number in range(5):
        send(f"ledger/{books.pk}", {**ELSEWHERE, "number": number, "padding": "x" * 1_000})
    assert [json.loads(one["body"])["number"] for one in kept(api, books)] == [4, 3]


def test_of_another_instance_nothing_is_removed(
    organization: NewOrganization, books: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MAX_KEPT", 1)
    more = connect(organization)
    for one in (books, more, more):
        send(f"ledger/{one.pk}", {**ELSEWHERE, "number": RefusedWebhook.objects.count()})
    assert set(RefusedWebhook.objects.values_list("instance", flat=True)) == {books.pk, more.pk}


def test_a_large_body_is_not_kept(
    books: ElementInstance, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "MAX_BODY", 50)
    raw = json.dumps(ELSEWHERE | {"more": "x" * 50}).encode()
    send(f"ledger/{books.pk}", raw)
    [one] = kept(api, books)
    assert (one["size"], one["body"]) == (len(raw), None)
    answer = read_again(api, books, one["id"])
    assert answer.status_code == 409
    assert "too large to be kept" in answer.json()["message"]


@pytest.mark.parametrize(("setting", "days"), [(0, 30), (7, 7), (90, 30)])
def test_old_ones_are_removed(
    books: ElementInstance, settings: Settings, setting: int, days: int
) -> None:
    settings.EVENTS_KEPT_DAYS = setting
    send(f"ledger/{books.pk}", ELSEWHERE)
    send(f"ledger/{books.pk}", {**ELSEWHERE, "number": 2})
    old = RefusedWebhook.objects.earliest("pk")
    now, minute = timezone.now(), timedelta(minutes=1)
    for before, left in ((timedelta(days=days) - minute, 2), (timedelta(days=days) + minute, 1)):
        RefusedWebhook.objects.filter(pk=old.pk).update(last_received_at=now - before)
        RefusedWebhook.objects.update(created_at=now - timedelta(days=99))
        tasks.remove_old_events()
        assert RefusedWebhook.objects.count() == left
    assert not RefusedWebhook.objects.filter(pk=old.pk).exists()


def test_it_is_read_again_once_the_element_understands_it(
    organization: NewOrganization, books: ElementInstance, api: APIClient
) -> None:
    send(f"ledger/{books.pk}", ELSEWHERE)
    [one] = kept(api, books)
    answer = read_again(api, books, one["id"])
    assert answer.status_code == 422
    assert kept(api, books) == [one]

    learn(organization, records="items")
    answer = read_again(api, books, one["id"])
    assert answer.status_code == 200, answer.content
    event = Event.objects.get()
    assert (event.instance_id, event.object_type) == (books.pk, "entries")
    assert event.objects_found == [{"objectId": "e1", "eventType": "CREATED"}]
    assert json.loads(event.body)["message"]["raw"] == ELSEWHERE
    assert kept(api, books) == []
    assert read_again(api, books, one["id"]).status_code == 404


def test_what_was_sent_again_meanwhile_is_one_event(
    organization: NewOrganization, books: ElementInstance, api: APIClient
) -> None:
    headers = {"X-Ledger-Delivery": "d-1"}
    dated = {**ELSEWHERE, "items": [{"id": "e1", "at": "2026-01-31T12:00:00Z"}]}
    send(f"ledger/{books.pk}", dated, headers=headers)
    learn(organization, records="items")
    assert send(f"ledger/{books.pk}", dated, headers=headers).status_code == 200
    [one] = kept(api, books)
    assert read_again(api, books, one["id"]).status_code == 200
    assert Event.objects.count() == 1
    assert kept(api, books) == []


def test_an_instance_that_takes_no_webhooks_reads_none(
    organization: NewOrganization, books: ElementInstance, api: APIClient
) -> None:
    send(f"ledger/{books.pk}", ELSEWHERE)
    learn(organization, records="items")
    ElementInstance.objects.update(events_enabled=False)
    assert read_again(api, books, kept(api, books)[0]["id"]).status_code == 409
    assert not Event.objects.exists()


def test_one_of_another_instance_is_not_there(
    organization: NewOrganization, books: ElementInstance, api: APIClient
) -> None:
    other = connect(organization)
    send(f"ledger/{books.pk}", ELSEWHERE)
    [one] = kept(api, books)
    assert kept(api, other) == []
    assert read_again(api, other, one["id"]).status_code == 404
    assert RefusedWebhook.objects.count() == 1
