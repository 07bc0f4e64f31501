"""What a provider sends again is one event, and what only looks like it is another."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.provision import NewOrganization
from events.models import Event, ReceivedWebhook
from instances.models import ElementInstance
from tests.events.vendor import BODY, HEADER, SECRET, WEBHOOK, connect, element, send, signature

pytestmark = pytest.mark.django_db

UNDATED: dict[str, Any] = {"event": "contact.updated", "id": "c1"}
PLAIN = {"deliveryId": "", "records": "", "objectType": "value:contacts", "date": ""}
TIMED = {**WEBHOOK["signature"], "signed": "{header:X-Time}.{body}"}


@pytest.fixture
def books(organization: NewOrganization) -> ElementInstance:
    element(organization)
    return connect(organization)


def connected(owner: NewOrganization, **webhook: Any) -> ElementInstance:
    element(owner, **{**PLAIN, **webhook})
    return connect(owner)


def send_timed(instance: ElementInstance, moment: str, **headers: str) -> None:
    raw = json.dumps(UNDATED).encode()
    proof = signature(f"{moment}.".encode() + raw, SECRET)
    sent = {HEADER: proof, "X-Time": moment, **headers}
    assert send(f"ledger/{instance.pk}", raw, headers=sent).status_code == 200


# --- Proven to be the same -----------------------------------------------------------------------


def test_the_same_delivery_is_one_event(books: ElementInstance) -> None:
    first = {"X-Ledger-Delivery": "d1"}
    assert send(f"ledger/{books.pk}", headers=first).status_code == 200
    assert send(f"ledger/{books.pk}", headers=first).status_code == 200
    assert Event.objects.count() == 1

    send(f"ledger/{books.pk}", {**BODY, "n": 1}, headers={"X-Ledger-Delivery": "d2"})
    assert Event.objects.count() == 2


def test_what_is_signed_with_its_date_is_not_new_with_another_id_in_a_header(
    books: ElementInstance,
) -> None:
    for delivery in ("d1", "d2", "d2", ""):
        sent = send(f"ledger/{books.pk}", headers={"X-Ledger-Delivery": delivery})
        assert sent.status_code == 200
    assert Event.objects.count() == 1


def test_ids_that_are_signed_tell_alike_bodies_apart(organization: NewOrganization) -> None:
    signed = "{header:x-ledger-delivery}.{body}"
    element(organization, signature={**WEBHOOK["signature"], "signed": signed})
    books = connect(organization)
    for delivery in ("d1", "d2", "d2"):
        raw = json.dumps(BODY).encode()
        headers = {
            "X-Ledger-Delivery": delivery,
            HEADER: signature(f"{delivery}.".encode() + raw, SECRET),
        }
        assert send(f"ledger/{books.pk}", raw, headers=headers).status_code == 200
    assert Event.objects.count() == 2


def test_the_same_body_of_the_same_moment_is_one_event(books: ElementInstance) -> None:
    for body in (BODY, BODY, {**BODY, "n": 1}):
        assert send(f"ledger/{books.pk}", body).status_code == 200
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    ("moments", "events"),
    [
        (["1764579600", "1764579600", "1764579601"], 2),
        (["2026-01-31T12:00:01Z"] * 3, 1),
        (["17"] * 3, 3),  # no moment, but what is always the same
        (["tenant"] * 3, 3),
        ([""] * 3, 3),
    ],
)
def test_a_moment_in_a_signed_header_proves_a_redelivery(
    organization: NewOrganization, moments: list[str], events: int
) -> None:
    books = connected(organization, signature=TIMED)
    for moment in moments:
        send_timed(books, moment)
    assert Event.objects.count() == events


def test_a_redelivery_that_is_signed_anew_is_known_by_its_id(organization: NewOrganization) -> None:
    books = connected(organization, signature=TIMED, deliveryId="header:X-Id")
    for moment in ("1764579600", "1764579660", "1764580000"):
        send_timed(books, moment, **{"X-Id": "d1"})
    assert Event.objects.count() == 1


# --- Only alike ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ({}, UNDATED),
        ({"deliveryId": "delivery"}, UNDATED),  # which is not in it
        ({"deliveryId": "header:X-Ledger-Delivery"}, UNDATED),
        ({"date": "at"}, UNDATED),
        ({"date": "at"}, {**UNDATED, "at": "2026-01-31"}),  # is all day
        ({"date": "at"}, {**UNDATED, "at": "2026-01-31T00:00:00Z"}),
        ({"date": "header:Date"}, UNDATED),  # nobody signs it
        ({"date": "value:2026-01-31T12:00:00Z"}, UNDATED),
        ({"date": "at"}, [{**UNDATED, "at": "2026-01-31T12:00:00Z"}, UNDATED]),
        ({"signature": {"header": HEADER, "proof": "token"}}, UNDATED),
    ],
)
def test_alike_webhooks_without_a_proof_are_each_an_event(
    organization: NewOrganization, declared: dict[str, Any], body: Any
) -> None:
    books = connected(organization, **declared)
    headers = {"Date": "Sat, 31 Jan 2026 12:00:00 GMT"}
    if "signature" in declared:
        headers[HEADER] = SECRET
    for _ in range(3):
        assert send(f"ledger/{books.pk}", body, headers=headers).status_code == 200
    assert Event.objects.count() == 3


def test_alike_forms_and_queries_are_each_an_event(organization: NewOrganization) -> None:
    books = connected(organization)
    form = "application/x-www-form-urlencoded"
    for _ in range(3):
        assert send(f"ledger/{books.pk}", b"id=c1", content_type=form).status_code == 200
    assert Event.objects.count() == 3


def test_ids_in_a_header_tell_undated_alike_bodies_apart(organization: NewOrganization) -> None:
    books = connected(organization, deliveryId="header:X-Ledger-Delivery")
    for delivery in ("d1", "d2", "d1", "d2", "d3"):
        send(f"ledger/{books.pk}", UNDATED, headers={"X-Ledger-Delivery": delivery})
    assert Event.objects.count() == 3


def test_an_element_says_how_long_what_is_alike_is_one(organization: NewOrganization) -> None:
    books = connected(organization, repeatWindow=60)
    seconds_ago = 0
    for seconds_ago, events in ((0, 1), (0, 1), (59, 1), (61, 2), (0, 2), (59, 2), (3_600, 3)):
        received_at = timezone.now() - timedelta(seconds=seconds_ago)
        ReceivedWebhook.objects.update(received_at=received_at)
        assert send(f"ledger/{books.pk}", UNDATED).status_code == 200
        assert Event.objects.count() == events
    send(f"ledger/{books.pk}", {**UNDATED, "id": "c2"})
    assert Event.objects.count() == 4


def test_a_window_takes_no_event_from_another_instance(organization: NewOrganization) -> None:
    books = connected(organization, repeatWindow=60)
    other = connect(organization)
    for one in (books, other, books, other):
        assert send(f"ledger/{one.pk}", UNDATED).status_code == 200
    assert Event.objects.count() == 2
