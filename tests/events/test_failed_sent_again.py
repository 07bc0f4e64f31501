"""…/events/failed: what was not delivered since a time is counted, and sent again once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from audit.models import Action, AuditEntry
from events.claim import claim
from events.models import Delivery, Subscription
from events.redeliver import failed_between, send_again
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver
from tests.patience import PATIENCE

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
ALL = f"{API}/notifications/subscriptions/deliveries/failed"
LONG_AGO = timezone.now() - timedelta(days=30)


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    return new_instance(organization.organization, url="https://receiver.example/")


def failed(instance: ElementInstance, hours_ago: int, status: str = "failed") -> Delivery:
    """An event that was recorded then, and not delivered since."""
    [event_id] = record(instance)
    at = timezone.now() - timedelta(hours=hours_ago)
    rows = Delivery.objects.filter(event=event_id)
    rows.update(status=status, created_at=at, failures=10, attempts_made=10)
    return rows.get()


def asked(client: APIClient, path: str, hours_ago: int, **query: str) -> tuple[Any, Any]:
    """What is counted since then, and what is sent again."""
    since = (timezone.now() - timedelta(hours=hours_ago, minutes=1)).isoformat()
    counted = client.get(path, {"from": since, **query})
    address = "&".join(f"{name}={text}" for name, text in {"from": since, **query}.items())
    sent = client.put(f"{path}?{address.replace('+', '%2B')}")
    assert (counted.status_code, sent.status_code) == (200, 200), counted.content
    return counted.json()["events"], sent.json()["sentAgain"]


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


def test_of_an_instance_it_is_what_failed_or_is_held_back_in_the_time(
    client: APIClient, instance: ElementInstance, organization: NewOrganization
) -> None:
    another = new_instance(organization.organization, url="https://receiver.example/")
    for one, hours, status in (
        (instance, 5, "failed"),
        (instance, 3, "failed"),
        (instance, 2, "queued"),
        (instance, 1, "retry"),
        (instance, 1, "delivered"),
        (another, 1, "failed"),
    ):
        failed(one, hours, status)

    assert asked(client, f"{API}/instances/{instance.pk}/events/failed", 3) == (2, 2)

    assert statuses() == ["failed", "created", "created", "retry", "delivered", "failed"]
    assert asked(client, ALL, 24) == (2, 2)
    assert asked(client, ALL, 24) == (0, 0)


def test_it_ends_where_it_is_asked_to(client: APIClient, instance: ElementInstance) -> None:
    failed(instance, 5)
    failed(instance, 1)
    until = (timezone.now() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert asked(client, ALL, 24, to=until) == (1, 1)
    assert statuses() == ["created", "failed"]


def test_they_are_due_in_the_order_of_the_events(instance: ElementInstance) -> None:
    middle, last, first = (failed(instance, hours) for hours in (4, 2, 6))
    now = timezone.now()

    assert send_again(failed_between(Delivery.objects.all(), LONG_AGO, now), now) == 3

    claimed = [claim(now, {instance.subscription.pk: 1}, 1)[0].id for _ in range(3)]
    assert claimed == [first.pk, middle.pk, last.pk]


def test_they_arrive_once_each_and_delivery_is_on_again(
    client: APIClient, organization: NewOrganization, receiver: Receiver
) -> None:
    instance = new_instance(organization.organization, url=receiver.url)
    deliveries = [failed(instance, 1), failed(instance, 1, "queued")]
    Subscription.objects.update(active=False)
    asked(client, ALL, 2)
    asked(client, ALL, 2)
    deliver_all_due()
    assert sorted(receiver.ids()) == sorted(one.webhook_id for one in deliveries)
    assert Subscription.objects.get().active


def test_who_did_it_to_which_instance_is_written_down(
    client: APIClient, instance: ElementInstance
) -> None:
    failed(instance, 1)
    failed(instance, 1)
    asked(client, ALL, 2)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.instance_id) == (Action.SENT_AGAIN, instance.pk)
    assert entry.changes == {"deliveries": 2}


@pytest.mark.django_db(transaction=True)
def test_a_second_one_while_it_runs_sends_nothing_more(instance: ElementInstance) -> None:
    failed(instance, 1)
    running, sent_by_second = threading.Event(), []

    def second() -> None:
        running.wait(PATIENCE)
        try:
            now = timezone.now()
            rows = failed_between(Delivery.objects.all(), LONG_AGO, now)
            sent_by_second.append(send_again(rows, now))
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    thread.start()
    with transaction.atomic():
        now = timezone.now()
        assert send_again(failed_between(Delivery.objects.all(), LONG_AGO, now), now) == 1
        running.set()
        thread.join(0.3)
    thread.join(PATIENCE)
    assert sent_by_second == [0]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "from is missing"),
        ("?from=yesterday", "from must be a date or time"),
        ("?from=2026-01-02&to=2026-01-01", "from must not be later than to"),
    ],
)
@pytest.mark.parametrize("method", ["get", "put"])
def test_a_time_that_cannot_be_read_is_400(
    client: APIClient, instance: ElementInstance, query: str, says: str, method: str
) -> None:
    failed(instance, 1)
    answer = getattr(client, method)(f"{ALL}{query}")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(says)
    assert statuses() == ["failed"]
