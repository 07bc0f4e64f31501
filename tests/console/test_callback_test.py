"""A test event to the callback URL in the form: sent as events are, and kept nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from api.throttle import allowance
from events import rehearsal, signature
from events.models import Delivery, Event
from tests.events.receiver import Receiver, Reply

ADDRESS = "/catalogue/gmail/authenticate/test"
Form = Callable[..., dict[str, Any]]


def outcome(browser: Client, sent: dict[str, Any]) -> str:
    answer = browser.post(ADDRESS, sent, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<html" not in page
    return page


def test_it_is_signed_as_events_are(browser: Client, form: Form, receiver: Receiver) -> None:
    page = outcome(
        browser,
        form(
            callback_url=receiver.url,
            **{"configuration.event.notification.callback.headers": "X-Api-Key: abc-def"},
        ),
    )

    assert "Answered <strong>200</strong>" in page
    [one] = receiver.received
    message = json.loads(one.body)["message"]
    assert (message["test"], message["events"], message["instanceId"]) == (True, [], 0)
    assert message["instanceName"] == "Mailbox"
    assert one.headers["x-api-key"] == "abc-def"
    signed = signature.elements_signature("my signature key", one.body)
    assert one.headers["elements-webhook-signature"] == signed
    assert not Event.objects.exists()
    assert not Delivery.objects.exists()


def test_the_answer_is_shown_as_text(browser: Client, form: Form, receiver: Receiver) -> None:
    hostile = b"<script>alert(1)</script>"
    receiver.answer = lambda _: Reply(500, body=hostile)
    page = outcome(browser, form(callback_url=receiver.url))
    assert "<strong>500</strong>" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "Type a callback URL first."),
        ("http://10.0.0.1/", "event.notification.callback.url"),
        ("http://127.0.0.1:1/", "refused"),
        ("no url", "event.notification.callback.url"),
    ],
)
def test_what_cannot_be_tested_is_said(browser: Client, form: Form, url: str, said: str) -> None:
    assert said in outcome(browser, form(callback_url=url))


def test_the_json_is_what_is_tested(browser: Client, receiver: Receiver) -> None:
    body = {"configuration": {"event.notification.callback.url": receiver.url}}
    assert "200" in outcome(browser, {"body": json.dumps(body)})
    assert "is not JSON" in outcome(browser, {"body": "{"})
    assert "configuration must be" in outcome(browser, {"body": '{"configuration": 1}'})


def test_without_scripts_it_is_a_page(browser: Client, form: Form, receiver: Receiver) -> None:
    page = browser.post(ADDRESS, form(callback_url=receiver.url)).content.decode()
    assert "<html" in page
    assert "Answered <strong>200</strong>" in page


def test_not_too_many_a_minute(
    browser: Client, form: Form, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "wait", lambda subject, limit: 12.3)
    assert "try again in 12 seconds" in outcome(browser, form(callback_url=receiver.url))
    assert receiver.received == []
    refused = outcome(browser, form(callback_url="http://10.0.0.1/"))
    assert "try again in 12 seconds" in refused  # nor are names looked up without a limit


def test_a_silent_receiver_is_not_waited_for_long(
    browser: Client, form: Form, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rehearsal.WITHIN == 5  # seconds, of a thread of the web server
    monkeypatch.setattr(rehearsal, "WITHIN", 0.05)
    receiver.always(hang=True)
    page = outcome(browser, form(callback_url=receiver.url))
    assert "no answer within 0.05 seconds" in page


def lease(member: User, seconds: int) -> None:
    """Another process holds the organization's only check for so long."""
    with connection.cursor() as cursor:
        cursor.execute(rehearsal.TAKE, [member.organization_id, seconds])
        assert cursor.fetchone()


def test_an_organization_has_one_test_at_a_time(
    browser: Client, member: User, form: Form, receiver: Receiver
) -> None:
    lease(member, 60)
    page = outcome(browser, form(callback_url=receiver.url))
    assert "another test is still waiting" in page
    assert receiver.received == []


def test_a_test_whose_process_was_killed_holds_up_others_no_longer_than_its_lease(
    browser: Client, member: User, form: Form, receiver: Receiver
) -> None:
    lease(member, -1)
    page = outcome(browser, form(callback_url=receiver.url))
    assert "Answered <strong>200</strong>" in page


def test_a_test_gives_back_what_it_took(
    browser: Client, member: User, form: Form, receiver: Receiver
) -> None:
    assert "Answered" in outcome(browser, form(callback_url=receiver.url))
    lease(member, 60)
