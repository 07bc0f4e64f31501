"""What the page of an event gives to run: it does what it says, whatever is in the body."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from console.samples import LONGEST_INLINE, Samples, samples_of
from events import signature
from events.models import Channel, Delivery
from events.subscription import headers_text
from inbox.checks import checks_of
from instances.configuration import MASK
from tests.events.found import KEY, changes, new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db

HOSTILE = 'it\'s "$(touch x)" `id` \\ \n \t %s {0} ${x} é 😀 \u2028 </script><!--'
STANDARD_KEY = "whsec_" + "c2VjcmV0" * 8


def made(text: str, key: str = KEY) -> tuple[Delivery, str]:
    """A delivery that was not tried yet, and its body."""
    instance = new_instance(url="https://receiver.example/hook?token=abcdefgh", key=key)
    instance.subscription.headers = headers_text([("X-Room", "a customer's secret")])
    instance.subscription.save()
    [event_id] = record(instance, changes(1, subject=text))
    delivery = Delivery.objects.get(event=event_id)
    return delivery, delivery.event.body


def samples(text: str, key: str = KEY) -> Samples:
    found = samples_of(*made(text, key), timezone.now())
    assert found is not None
    return found


def run(command: list[str], text: str, key: str, folder: Path) -> str:
    done = subprocess.run(
        command,
        input=text,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SIGNATURE_KEY": key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.lower()


@pytest.mark.parametrize("key", [KEY, STANDARD_KEY, "ключ"])
@pytest.mark.parametrize("language", ["python", "node"])
def test_the_signature_verifies_with_the_key_and_no_other(
    language: str, key: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-"]
    if language == "node":
        node = shutil.which("node")
        if node is None:
            pytest.skip("Node is not installed")
        command = [node, "--input-type=module", "-"]
    text = getattr(samples(HOSTILE, key), language)
    assert run(command, text, key, tmp_path).split() == [
        "elements-webhook-signature:",
        "true",
        "webhook-signature:",
        "true",
    ]
    assert run(command, text, "another key", tmp_path).count("false") == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_the_body_to_the_byte_and_it_verifies(
    receiver: Receiver, tmp_path: Path
) -> None:
    delivery, body = made(HOSTILE)
    found = samples_of(delivery, body, timezone.now())
    assert found is not None
    _, _, command = found.curl.partition("\n")

    run(["sh"], f"URL={receiver.url}\n{command}", "", tmp_path)

    [arrived] = receiver.received
    assert arrived.body == body.encode()
    assert arrived.webhook_id == delivery.webhook_id
    headers = {**arrived.headers, signature_name: arrived.headers[signature_name.lower()]}
    verdicts = checks_of([KEY], headers, arrived.body, timezone.now())
    assert [one.verifies for one in verdicts] == [True, True]
    assert list(tmp_path.iterdir()) == []


signature_name = "Elements-Webhook-Signature"


def test_no_secret_is_in_what_it_gives() -> None:
    found = samples("a subject")
    for text in (found.curl, found.python, found.node, repr(found.headers)):
        assert KEY not in text
        assert "a customer's secret" not in text
        assert "abcdefgh" not in text
    assert ("X-Room", MASK) in found.headers
    assert found.own_headers


def test_headers_are_those_of_the_latest_attempt() -> None:
    delivery, body = made("a subject")
    at = timezone.now()
    for number in (1, 2):
        delivery.attempts.create(number=number, started_at=at, duration_ms=1)
    found = samples_of(delivery, body, timezone.now())
    assert found is not None
    assert (found.attempt, found.at) == (2, at)
    wanted = signature.headers(KEY, delivery.webhook_id, body.encode(), at)
    assert wanted.items() <= dict(found.headers).items()


def test_a_long_body_is_a_file(client: Client, member: User) -> None:
    assert member.organization is not None
    instance = new_instance(member.organization, url="https://receiver.example/")
    [event_id] = record(instance, changes(1, subject="x" * LONGEST_INLINE))
    delivery = Delivery.objects.get(event=event_id)
    found = samples_of(delivery, delivery.event.body, timezone.now())
    assert found is not None
    for text in (found.curl, found.python, found.node):
        assert f"event-{event_id}.json" in text
        assert len(text) < 3_000
    client.force_login(member)
    answer = client.get(f"/events/{event_id}/body")
    assert answer.content.decode() == delivery.event.body
    assert f'filename="event-{event_id}.json"' in answer["Content-Disposition"]


def test_what_is_not_signed_has_nothing_to_verify() -> None:
    found = samples("a subject", key="")
    assert not found.signed
    assert "signature" not in found.curl.lower()
    assert found.python == found.node == ""


def test_nothing_is_given_of_what_goes_by_another_way() -> None:
    delivery, body = made("a subject")
    delivery.subscription.channel = Channel.EMAIL
    assert samples_of(delivery, body, timezone.now()) is None
    delivery.subscription.channel, delivery.subscription.url = Channel.WEBHOOK, ""
    assert samples_of(delivery, body, timezone.now()) is None
