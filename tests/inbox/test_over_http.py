"""What the delivery engine sends to an inbox arrives there over a socket, and verifies."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from django.utils import timezone

from events.models import Delivery, DeliveryAttempt, Event
from events.trial import of_instance
from inbox import keep
from inbox.models import InboxDelivery
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.events.found import record

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("served")]


def test_a_delivery_arrives_and_verifies(instance: ElementInstance) -> None:
    [event_id] = record(instance, 2)

    deliver_all_due()

    arrived = InboxDelivery.objects.get()
    sent = Delivery.objects.get()
    assert sent.status == "delivered"
    assert bytes(arrived.body).decode() == Event.objects.get().body
    assert arrived.size == len(arrived.body)
    assert [check["verifies"] for check in arrived.checks] == [True, True]
    assert (arrived.event_id, arrived.instance_id) == (event_id, instance.pk)
    assert arrived.webhook_id == sent.webhook_id
    headers = {name.lower(): value for name, value in arrived.headers}
    assert headers["webhook-id"] == sent.webhook_id
    assert headers["elements-webhook-signature"].startswith("sha256=")
    assert headers["user-agent"] == "Periodic/0.1"


def test_a_test_on_request_arrives_too(instance: ElementInstance) -> None:
    trial = of_instance(instance, instance.subscription, timezone.now())

    assert trial.answer.delivered
    arrived = InboxDelivery.objects.get()
    assert json.loads(bytes(arrived.body))["message"]["test"] is True
    assert [check["verifies"] for check in arrived.checks] == [True, True]


def test_nothing_else_of_the_platform_is_open_to_deliveries(instance: ElementInstance) -> None:
    url = instance.subscription.url
    host = url.partition("//")[2].partition("/")[0]
    for other in (
        f"{url}?x=1",
        f"{url}/",
        f"{url}/../../metrics",
        url[:-1],
        url.replace("/inbox/", "/inbox//"),
        url.replace("/inbox/", "/INBOX/"),
        url.replace("/inbox/", "/inbox/../inbox/"),
        url.replace("http://localhost", "http://LOCALHOST"),
        f"http://{host}/metrics",
        f"http://{host}/elements/api-v2/elements",
    ):
        instance.subscription.url = other
        instance.subscription.save()
        record(instance)
        deliver_all_due()
        attempt = DeliveryAttempt.objects.latest("pk")
        assert attempt.error.startswith("not sent: "), other
        assert attempt.status_code is None
        Event.objects.all().delete()
    assert not InboxDelivery.objects.exists()


def test_what_comes_at_once_is_numbered_and_trimmed(
    instance: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "MOST_KEPT", 5)
    url = instance.subscription.url

    def send(_: int) -> int:
        return requests.post(url, json={}, timeout=30).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(send, range(24))) == {200}
    kept = sorted(InboxDelivery.objects.values_list("number", flat=True))
    assert kept == [20, 21, 22, 23, 24]


def test_a_body_that_breaks_off_is_not_kept(instance: ElementInstance) -> None:
    parts = urlsplit(instance.subscription.url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as sender:
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 9\r\n\r\n{{}}"
        )
        sender.sendall(head.encode())
        sender.shutdown(socket.SHUT_WR)
        assert b" 400 " in sender.recv(1000)
    assert not InboxDelivery.objects.exists()
