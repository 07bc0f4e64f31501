"""Resend failed events: the page counts them, asks, and sends what it has counted."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from accounts.provision import NewOrganization, create_user
from events.models import Delivery, Subscription
from instances.models import ElementInstance
from tests.events.found import new_instance, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def instance(member: User) -> ElementInstance:
    assert member.organization is not None
    return new_instance(member.organization, url="https://receiver.example/")


def fail(instance: ElementInstance, hours_ago: int = 1, status: str = "failed") -> None:
    [event_id] = record(instance)
    at = timezone.now() - timedelta(hours=hours_ago)
    Delivery.objects.filter(event=event_id).update(status=status, created_at=at)


def page(reader: Client, path: str) -> str:
    answer = reader.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def confirm(reader: Client, path: str) -> str:
    """Presses the page's button; what the next page says."""
    found = dict(re.findall(r'type="hidden" name="(from|to)" value="([^"]+)"', page(reader, path)))
    answer = reader.post(path.partition("?")[0], found, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def statuses() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("status", flat=True))


@pytest.mark.parametrize("of_all", [True, False])
def test_it_counts_since_the_oldest_and_sends_once(
    reader: Client, instance: ElementInstance, of_all: bool
) -> None:
    path = "/events/resend" if of_all else f"/instances/{instance.pk}/resend"
    fail(instance, 50)
    fail(instance, 1, "queued")
    fail(instance, 1, "retry")
    shown = page(reader, path)
    assert "<strong>2 events</strong> since" in shown
    assert "1 other event is retried automatically." in shown
    assert statuses() == ["failed", "queued", "retry"]

    assert "Deliveries on their way again: 2." in confirm(reader, path)

    assert statuses() == ["created", "created", "retry"]
    assert "No events failed in this period." in page(reader, path)


def test_what_failed_after_it_was_counted_is_not_sent(
    reader: Client, instance: ElementInstance
) -> None:
    fail(instance)
    shown = page(reader, "/events/resend")
    counted = dict(re.findall(r'type="hidden" name="(from|to)" value="([^"]+)"', shown))
    fail(instance, hours_ago=-1)
    for says in ("Deliveries on their way again: 1.", "Nothing of that is left to send"):
        answer = reader.post("/events/resend", counted, follow=True)
        assert says in answer.content.decode()
        assert statuses() == ["created", "failed"]


def test_a_time_is_chosen(reader: Client, instance: ElementInstance) -> None:
    fail(instance, 50)
    fail(instance, 10)
    since = f"{timezone.now() - timedelta(hours=20):%Y-%m-%dT%H:%M}"
    assert "<strong>1 event</strong> since" in page(reader, f"/events/resend?from={since}")
    confirm(reader, f"/events/resend?from={since}")
    assert statuses() == ["failed", "created"]


def test_it_says_that_delivery_is_switched_on(reader: Client, instance: ElementInstance) -> None:
    says = "Delivery that was switched off is switched on again."
    fail(instance, status="queued")
    assert says not in page(reader, "/events/resend")
    Subscription.objects.update(active=False)
    assert says in page(reader, "/events/resend")
    confirm(reader, "/events/resend")
    assert Subscription.objects.get().active


@pytest.mark.parametrize("from_", ["soon", "2999-01-01"])
def test_a_time_that_cannot_be_is_told(
    reader: Client, instance: ElementInstance, from_: str
) -> None:
    fail(instance)
    for answer in (
        reader.get("/events/resend", {"from": from_}),
        reader.post("/events/resend", {"from": from_}),
    ):
        assert answer.status_code == 400
        assert "From must " in answer.content.decode()
    assert statuses() == ["failed"]


def test_of_another_account_nothing_is_counted_or_sent(
    client: Client, organization: NewOrganization, instance: ElementInstance
) -> None:
    fail(instance)
    account = Account.objects.create(
        organization=organization.organization, external_id="other", name="Other"
    )
    client.force_login(create_user(account, "other-account@example.com").user)
    assert "No events failed in this period." in page(client, "/events/resend")
    answer = client.post("/events/resend", {"from": "2020-01-01"}, follow=True)
    assert "Nothing of that is left to send" in answer.content.decode()
    assert statuses() == ["failed"]
