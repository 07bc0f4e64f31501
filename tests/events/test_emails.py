"""E-mails: to whom, how many, and by which of two ways."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail as outgoing
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.provision import NewOrganization
from events.models import DeliveryAttempt, EmailCount
from events.own_topics import GRANT_LOST
from events.record import record_instance_event
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, statuses

pytestmark = pytest.mark.django_db
API = "/elements/api-v2/notifications"
NOON = datetime(2026, 1, 31, 12, 20, tzinfo=UTC)


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


def send(client: APIClient, **change: Any) -> Any:
    body = {"to": "user@example.com", "subject": "A subject", "message": "A message", **change}
    return client.post(f"{API}/emails", body, format="json")


def test_it_is_sent_by_the_installation_and_answers_go_to_from(client: APIClient) -> None:
    answer = send(client, **{"from": "support@example.com"})

    assert (answer.status_code, answer.content) == (200, b"")
    (sent,) = outgoing.outbox
    assert (sent.to, sent.subject, sent.body) == (["user@example.com"], "A subject", "A message")
    assert isinstance(sent, outgoing.EmailMessage)
    assert (sent.from_email, sent.reply_to) == ("periodic@localhost", ["support@example.com"])


@pytest.mark.parametrize("to", [["User@example.com"], " user@example.com , user@example.com"])
def test_recipients_are_a_list_or_a_text_with_commas(client: APIClient, to: Any) -> None:
    assert send(client, to=to).status_code == 200
    assert len(outgoing.outbox[0].to) == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"to": None}, "to is missing"),
        ({"to": ""}, "to is missing"),
        ({"to": []}, "to is missing"),
        ({"to": 5}, "to must be a list of strings"),
        ({"to": ["user@example.com"] * 11}, "to has 11 entries"),
        ({"to": "nobody"}, "to must hold e-mail addresses"),
        ({"to": "user@example.com\nBcc: other@example.com"}, "to must hold e-mail addresses"),
        ({"from": "nobody"}, "from must be an e-mail address"),
        ({"subject": ["x"]}, "subject must be a string"),
    ],
)
def test_what_cannot_be_sent_is_400_and_named(
    client: APIClient, change: dict[str, Any], named: str
) -> None:
    answer = send(client, **change)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(named)
    assert outgoing.outbox == []


def test_an_empty_body_is_400(client: APIClient) -> None:
    assert client.post(f"{API}/emails", {}, format="json").status_code == 400


def test_a_line_break_in_the_subject_makes_no_header(client: APIClient) -> None:
    assert send(client, subject="A\r\nBcc: other@example.com").status_code == 200
    assert outgoing.outbox[0].subject == "A Bcc: other@example.com"


def test_only_the_organizations_own_users_get_any(client: APIClient, settings: Settings) -> None:
    stranger = new_instance().user.username
    User.objects.filter(username="user@example.com").exists()
    for to in ("other@example.com", stranger, ["user@example.com", stranger]):
        answer = send(client, to=to)
        assert answer.status_code == 403
        assert answer.json()["message"] == (
            "to may only name users of the organization whose address is verified"
        )
    assert outgoing.outbox == []

    settings.EMAIL_RECIPIENTS = "anyone"
    assert send(client, to="other@example.com").status_code == 200


def test_an_hour_has_so_many(client: APIClient, settings: Settings) -> None:
    settings.EMAILS_PER_HOUR = 2
    with time_machine.travel(NOON, tick=False):
        assert [send(client).status_code for _ in range(3)] == [200, 200, 429]
        answer = send(client)
        assert answer["Retry-After"] == str(40 * 60)
        assert len(outgoing.outbox) == 2
    with time_machine.travel(NOON + timedelta(hours=1), tick=False):
        assert send(client).status_code == 200
    with time_machine.travel(NOON + timedelta(days=3), tick=False):
        assert send(client).status_code == 200
    assert EmailCount.objects.count() == 1  # old counts are forgotten


def test_a_mail_server_that_refuses_is_502(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (smtplib.SMTPServerDisconnected("secret host"), ConnectionRefusedError("host")):

        def refuse(*_: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        answer = send(client)
        assert answer.status_code == 502
        assert "host" not in answer.json()["message"]


def test_an_installation_without_a_mail_server_says_so(
    client: APIClient, settings: Settings
) -> None:
    settings.EMAIL_ENABLED = False
    answer = send(client)
    assert answer.status_code == 403
    assert "EMAIL_URL" in answer.json()["message"]


def subscribe(client: APIClient, to: Any, topic: str = "disk") -> Any:
    body = {"channel": "email", "topics": [topic], "config": {"to": to}}
    return client.post(f"{API}/subscriptions", body, format="json")


def notify(client: APIClient) -> None:
    body = {"topic": "disk", "message": "It is full", "severity": "high", "from": "importer"}
    assert client.post(API, body, format="json").status_code == 200


def test_a_subscription_by_email_gets_notifications_as_text(client: APIClient) -> None:
    answer = subscribe(client, "user@example.com")
    notify(client)
    deliver_all_due()

    assert answer.json()["config"] == {"to": ["user@example.com"]}
    (sent,) = outgoing.outbox
    assert (sent.to, sent.subject) == (["user@example.com"], "[high] disk")
    assert str(sent.body).startswith("It is full\n")
    assert "importer" in str(sent.body)
    assert statuses() == ["NOTIFIED"]


def test_a_lost_grant_is_told_by_email(client: APIClient, organization: NewOrganization) -> None:
    subscribe(client, "user@example.com", GRANT_LOST)
    instance = new_instance(organization.organization)
    with transaction.atomic():
        record_instance_event(
            instance, GRANT_LOST, {"name": "Mailbox", "reason": "revoked"}, timezone.now()
        )
    deliver_all_due()
    (sent,) = outgoing.outbox
    assert sent.subject == f"{GRANT_LOST}: Mailbox"
    assert "reason: revoked" in str(sent.body)


@pytest.mark.parametrize(
    ("to", "status"),
    [(None, 400), ("nobody", 400), ([], 400), ("other@example.com", 403)],
)
def test_a_subscription_is_of_users_only(client: APIClient, to: Any, status: int) -> None:
    answer = subscribe(client, to)
    assert answer.status_code == status
    assert answer.json()["message"].startswith("config.to ")


def test_who_has_left_gets_no_more(client: APIClient, organization: NewOrganization) -> None:
    User.objects.create(
        username="left@example.com",
        organization=organization.organization,
        address_verified_at=timezone.now(),
    )
    subscribe(client, "left@example.com")
    User.objects.filter(username="left@example.com").update(is_active=False)
    notify(client)
    deliver_all_due()
    assert outgoing.outbox == []
    assert "no recipient is a user" in DeliveryAttempt.objects.get().error


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [("EMAIL_ENABLED", False, "sends no e-mail"), ("EMAILS_PER_HOUR", 0, "of this hour")],
)
def test_what_cannot_be_sent_now_is_tried_again(
    client: APIClient, settings: Settings, setting: str, value: Any, said: str
) -> None:
    subscribe(client, "user@example.com")
    notify(client)
    setattr(settings, setting, value)
    deliver_all_due()
    attempt = DeliveryAttempt.objects.select_related("delivery").get()
    assert said in attempt.error
    assert attempt.delivery.status == "retry"
    assert outgoing.outbox == []
