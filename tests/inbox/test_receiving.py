"""What an inbox takes, whatever is sent to it, and from whom."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from elements import catalogue
from events import signature
from events.models import Delivery
from events.signing_key import renew
from inbox import receive
from inbox.addresses import inbox_of, inbox_url
from inbox.keep import KEPT_OF_A_BODY
from inbox.models import Inbox, InboxDelivery
from inbox.sender import LARGEST_READ
from instances import configuration
from instances.configuration import MASK
from instances.models import ElementInstance
from tests.events.found import KEY, new_instance, record

pytestmark = pytest.mark.django_db


def path_of(instance: ElementInstance) -> str:
    return f"/inbox/{inbox_of(instance.organization.default_account).key}"


def post(instance: ElementInstance, body: bytes = b"{}", **headers: str) -> Any:
    """Sends it to the inbox of the instance's organization."""
    return Client().post(path_of(instance), body, content_type="application/json", headers=headers)


def signed(key: str, body: bytes, webhook_id: str = "msg_1", **at: Any) -> dict[str, str]:
    return signature.headers(key, webhook_id, body, timezone.now(), **at)


def body_of(instance: ElementInstance) -> bytes:
    return json.dumps({"message": {"instanceId": instance.pk}}).encode()


def checks() -> list[Any]:
    return [one["verifies"] for one in InboxDelivery.objects.latest("pk").checks]


def why() -> str:
    return " | ".join(one["why"] for one in InboxDelivery.objects.latest("pk").checks)


# --- Whether signatures verify -------------------------------------------------------------------


def test_what_the_instance_signs_verifies_though_nobody_knows_its_webhook_id(
    instance: ElementInstance,
) -> None:
    body = body_of(instance)
    assert post(instance, body, **signed(KEY, body)).status_code == 200
    assert checks() == [True, True]


def test_a_very_large_body_is_not_read_for_who_sent_it(instance: ElementInstance) -> None:
    body = body_of(instance) + b" " * LARGEST_READ
    assert post(instance, body, **signed(KEY, body)).status_code == 200
    assert checks() == [None, None]


@pytest.mark.parametrize(
    ("header", "value", "verdicts", "reason"),
    [
        ("Elements-Webhook-Signature", "sha256=AAAA", [False, True], "another key"),
        ("Elements-Webhook-Signature", "", [False, True], "the header is missing"),
        ("webhook-signature", "v1,AAAA", [True, False], "another key"),
        ("webhook-signature", "", [True, False], "the header is missing"),
        ("webhook-signature", "v1,\xe4\xf6 v2", [True, False], "another key"),
        ("webhook-timestamp", "", [True, False], "the header webhook-timestamp is missing"),
        ("webhook-timestamp", "1", [True, False], "another key"),
        ("webhook-id", "msg_2", [True, False], "another key"),
    ],
)
def test_it_says_which_signature_fails_and_why(
    instance: ElementInstance, header: str, value: str, verdicts: list[bool], reason: str
) -> None:
    body = body_of(instance)
    post(instance, body, **{**signed(KEY, body), header: value})
    assert checks() == verdicts
    assert reason in why()


def test_a_changed_body_fails_both(instance: ElementInstance) -> None:
    body = body_of(instance)
    post(instance, body + b" ", **signed(KEY, body))
    assert checks() == [False, False]


def test_an_old_timestamp_is_told_apart_from_a_wrong_key(instance: ElementInstance) -> None:
    body = body_of(instance)
    headers = signed(KEY, body)
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        post(instance, body, **headers)
    assert checks() == [True, False]
    assert "seconds old; receivers allow 300" in why()


def test_a_timestamp_that_is_none_is_said(instance: ElementInstance) -> None:
    body = body_of(instance)
    signature_of_it = signature.standard_signature(KEY, "msg_1", "soon", body)
    headers = {**signed(KEY, body), "webhook-timestamp": "soon"}
    post(instance, body, **{**headers, "webhook-signature": signature_of_it})
    assert checks() == [True, False]
    assert "not a number of seconds" in why()


def test_a_key_that_was_replaced_verifies_until_its_end(instance: ElementInstance) -> None:
    renew(instance.subscription, "another key of it", timezone.now(), timedelta(hours=1))
    instance.subscription.save()
    body = body_of(instance)
    post(instance, body, **signed(KEY, body))
    assert checks() == [True, True]
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        post(instance, body, **signed(KEY, body))
    assert checks() == [False, False]


def test_an_instance_that_sends_nowhere_signs_with_the_key_of_its_configuration(
    instance: ElementInstance,
) -> None:
    instance.subscription.delete()
    configuration.keep(
        instance, catalogue.find(instance.element_key), {configuration.SIGNATURE_KEY: KEY}
    )
    instance.save()
    body = body_of(instance)
    post(instance, body, **signed(KEY, body))
    assert checks() == [True, True]


def test_an_instance_without_a_key_cannot_be_verified(instance: ElementInstance) -> None:
    instance.subscription.signature_key = ""
    instance.subscription.save()
    post(instance, body_of(instance))
    assert checks() == [None, None]
    assert "no signature key is set" in why()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[" * 100_000,
        b"9" * 100_000,
        b'{"message": {"instanceId": 99999999999999999999999}}',
        b'{"message": {"instanceId": -1}}',
        b'{"message": {"instanceId": true}}',
        b'{"message": [1]}',
        b"\x00\xff\xfe",
        b'"\\ud800"',
    ],
)
def test_any_body_is_kept_to_the_byte(instance: ElementInstance, body: bytes) -> None:
    ElementInstance.objects.exclude(pk=instance.pk).delete()
    assert post(instance, body, **signed(KEY, body)).status_code == 200
    arrived = InboxDelivery.objects.get()
    assert bytes(arrived.body) == body
    assert checks() == [None, None]
    assert "no element instance of this account" in why()


def test_an_instance_of_another_organization_is_unknown(instance: ElementInstance) -> None:
    other = new_instance(url="https://receiver.example/")
    record(other)
    webhook_id = Delivery.objects.get(organization=other.organization).webhook_id
    body = body_of(other)
    post(instance, body, **signed(KEY, body, webhook_id))
    assert checks() == [None, None]
    arrived = InboxDelivery.objects.get()
    assert (arrived.instance_id, arrived.event_id) == (None, None)


# --- What is kept of it --------------------------------------------------------------------------


def test_a_long_body_is_checked_whole_and_kept_in_part(instance: ElementInstance) -> None:
    text = "x" * (KEPT_OF_A_BODY + 5)
    body = json.dumps({"message": {"instanceId": instance.pk, "raw": text}}).encode()
    post(instance, body, **signed(KEY, body))
    arrived = InboxDelivery.objects.get()
    assert checks() == [True, True]
    assert arrived.size == len(body)
    assert bytes(arrived.body) == body[:KEPT_OF_A_BODY]


def test_a_body_that_is_too_large_is_refused(
    instance: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "LARGEST_BODY", 1_000)
    assert post(instance, b"x" * 1_000).status_code == 200
    assert post(instance, b"x" * 1_001).status_code == 413


def test_hostile_headers_are_cut_and_secret_ones_masked(instance: ElementInstance) -> None:
    instance.subscription.headers = json.dumps([["X-Room", "a customer's secret"]])
    instance.subscription.save()
    many = {f"X-{number}": "v" for number in range(200)}
    post(
        instance,
        body_of(instance),
        **many,
        **{
            "Aaa-Long": "y" * 50_000,
            "Aaa-Null": "a\0b",
            "Aaa-Script": "<script>alert(1)</script>",
            "webhook-id": "z" * 5_000,
            "Authorization": "Bearer of a secret",
            "Cookie": "of=a secret",
            "Api-Key": "a secret",
            "Aaa-Token": "a secret",
        },
    )
    arrived = InboxDelivery.objects.get()
    headers = dict(arrived.headers)
    assert len(headers) == receive.MOST_HEADERS
    assert len(headers["Aaa-Long"]) == receive.LONGEST_VALUE
    assert headers["Aaa-Null"] == "a\N{REPLACEMENT CHARACTER}b"
    assert headers["Authorization"] == headers["Cookie"] == headers["Api-Key"] == MASK
    assert headers["Aaa-Token"] == MASK
    assert len(arrived.webhook_id) == receive.LONGEST_WEBHOOK_ID
    for body in (body_of(instance), b"{}"):  # of a known sender, and of one that nobody knows
        post(instance, body, **{"X-Room": "a customer's secret", "User-Agent": "a sender"})
        headers = dict(InboxDelivery.objects.latest("pk").headers)
        assert (headers["X-Room"], headers["User-Agent"]) == (MASK, "a sender")


# --- Who may send --------------------------------------------------------------------------------


def test_a_key_that_nobody_has_finds_nothing(instance: ElementInstance) -> None:
    inbox_url(instance.organization.default_account)
    for key in ("A" * 43, inbox_of(instance.organization.default_account).key.swapcase()):
        assert Client().post(f"/inbox/{key}").status_code == 404
    assert not InboxDelivery.objects.exists()


def test_only_posts_are_taken(instance: ElementInstance) -> None:
    for method in ("get", "put", "delete", "head"):
        assert getattr(Client(), method)(path_of(instance)).status_code == 405


def test_no_form_token_is_needed_and_no_session_made(instance: ElementInstance) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert browser.post(path_of(instance), {"a": 1}).status_code == 200
    assert not browser.cookies


def test_a_flood_is_turned_away(
    instance: ElementInstance, settings: Settings, endless_minute: None
) -> None:
    settings.THROTTLE_INBOX, settings.THROTTLE_REFUSALS = 3, 2
    sent = [post(instance) for _ in range(4)]
    assert [one.status_code for one in sent] == [200, 200, 200, 429]
    assert sent[-1]["Retry-After"] == "40"
    assert InboxDelivery.objects.count() == 3
    guessed = [Client().post("/inbox/" + "B" * 43).status_code for _ in range(3)]
    assert guessed == [404, 404, 429]


def test_each_organization_has_one_inbox_with_a_key_that_is_stored_sealed(
    instance: ElementInstance,
) -> None:
    first = inbox_url(instance.organization.default_account)
    other = inbox_url(new_instance().organization.default_account)
    assert first == inbox_url(instance.organization.default_account)
    assert first != other
    assert Inbox.objects.count() == 2
    key = first.rpartition("/")[2]
    row = Inbox.objects.filter(account__organization=instance.organization).values().get()
    assert key not in repr(row)
