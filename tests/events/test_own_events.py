"""What the platform tells of itself: by topic, and by e-mail to who connected the account."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outgoing
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events import failing
from events.models import Delivery, Event, Subscription
from events.own_topics import POLLING_STALLED
from events.record import record_instance_event
from instances.models import ElementInstance
from instances.signals import grant_expiring, grant_lost
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
URL = "https://receiver.example/events"


@pytest.fixture(autouse=True)
def _owners_get_mail(settings: Settings) -> None:
    settings.OWNER_EMAILS = True


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    made = new_instance(organization.organization, url=URL)
    ElementInstance.objects.filter(pk=made.pk).update(user=organization.user)
    made.refresh_from_db()
    return made


def lose(instance: ElementInstance) -> None:
    with transaction.atomic():
        grant_lost.send(None, instance=instance, reason="It was revoked.", code="revoked")


def told(topic: str) -> list[dict[str, Any]]:
    events = Event.objects.filter(topic=topic).order_by("pk")
    return [json.loads(one.body)["message"]["raw"]["instance"][0] for one in events]


def mails() -> list[Any]:
    """Delivers to mailboxes only."""
    Delivery.objects.exclude(subscription__channel="email").update(status="queued")
    deliver_all_due()
    return list(outgoing.outbox)


@pytest.mark.django_db(transaction=True)
def test_the_owner_gets_an_e_mail_with_the_link(instance: ElementInstance) -> None:
    lose(instance)
    [letter] = mails()
    assert letter.to == ["user@example.com"]
    assert letter.subject == "instance.authorization.lost: Mailbox"
    assert "reasonCode: revoked" in letter.body
    assert "/reconnect/" in letter.body


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_grant_is_told_days_ahead(instance: ElementInstance) -> None:
    with transaction.atomic():
        grant_expiring.send(None, instance=instance, ends_at=timezone.now() + timedelta(days=2))
    [record] = told("instance.authorization.expiring")
    assert record["reasonCode"] == "expiring"
    assert record["valid"] is True
    assert "/reconnect/" in record["reconnectUrl"]
    [letter] = mails()
    assert "ends on" in letter.body


@pytest.mark.parametrize("off", ["installation", "instance", "no mail server", "owner inactive"])
def test_e_mails_to_owners_are_switched_off(
    instance: ElementInstance, settings: Settings, off: str
) -> None:
    if off == "installation":
        settings.OWNER_EMAILS = False
    elif off == "no mail server":
        settings.EMAIL_ENABLED = False
    elif off == "instance":
        instance.configuration = {"notification.owner.email": "false"}
        instance.save()
    else:
        instance.user.is_active = False
        instance.user.save()
    lose(instance)
    assert not Subscription.objects.exclude(owner=None).exists()
    assert Delivery.objects.count() == 1  # to the callback URL


def test_what_befalls_many_accounts_together_is_one_e_mail_an_hour(
    instance: ElementInstance, organization: NewOrganization
) -> None:
    others = [new_instance(organization.organization) for _ in range(3)]
    ElementInstance.objects.update(user=organization.user)
    now = timezone.now()
    for one in (instance, *others):
        one.refresh_from_db()
        record_instance_event(one, POLLING_STALLED, {"id": one.pk}, now)
    to_owner = Delivery.objects.exclude(subscription__owner=None)
    assert to_owner.count() == 1
    assert Event.objects.filter(topic=POLLING_STALLED).count() == 4
    record_instance_event(instance, POLLING_STALLED, {}, now + timedelta(hours=1, seconds=1))
    assert to_owner.count() == 2
    for one in (instance, *others):
        lose(one)  # of each on its own: each needs its link
    assert to_owner.count() == 6


def fail(instance: ElementInstance, since: datetime) -> Subscription:
    Subscription.objects.filter(instance=instance).update(failing_since=since)
    return Subscription.objects.get(instance=instance)


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_fails_is_told_to_the_owner_once(instance: ElementInstance) -> None:
    now = timezone.now()
    fail(instance, now - timedelta(minutes=4))
    assert failing.tell(now) == 0  # most failures mend themselves
    fail(instance, now - timedelta(minutes=6))
    assert [failing.tell(now) for _ in range(3)] == [1, 0, 0]

    [record] = told("subscription.failing")
    assert (record["id"], record["name"]) == (instance.pk, "Mailbox")
    assert not Delivery.objects.filter(subscription__instance=instance).exists()  # not to itself
    [letter] = mails()
    assert letter.subject == "subscription.failing: Mailbox"
    fail(instance, now - timedelta(minutes=5, seconds=1))  # another time
    assert failing.tell(now) == 1


def test_a_deactivation_is_told_once_to_those_who_subscribed(
    instance: ElementInstance, organization: NewOrganization
) -> None:
    topics = Subscription.objects.create(
        organization=organization.organization,
        topics=["subscription.deactivated"],
        url="https://operator.example/",
    )
    now = timezone.now()
    Subscription.objects.filter(instance=instance).update(
        active=False, deactivated_at=now, deactivation_reason="the receiver answered 410 Gone"
    )
    assert [failing.tell(now) for _ in range(2)] == [1, 0]
    [record] = told("subscription.deactivated")
    assert record["reason"] == "the receiver answered 410 Gone"
    assert set(Delivery.objects.values_list("subscription", flat=True)) == {
        topics.pk,
        Subscription.objects.exclude(owner=None).get().pk,
    }


def test_a_subscription_of_topics_that_fails_is_told_without_a_loop(
    organization: NewOrganization,
) -> None:
    now = timezone.now()
    own = Subscription.objects.create(
        organization=organization.organization,
        topics=["subscription.failing", "subscription.deactivated"],
        url="https://operator.example/",
        failing_since=now - timedelta(minutes=6),
    )
    assert [failing.tell(now) for _ in range(3)] == [1, 0, 0]
    Subscription.objects.filter(pk=own.pk).update(active=False, deactivated_at=now)
    assert [failing.tell(now) for _ in range(3)] == [1, 0, 0]
    assert Event.objects.count() == 2


def test_e_mails_that_fail_are_told_to_nobody(instance: ElementInstance) -> None:
    lose(instance)
    now = timezone.now()
    own = Subscription.objects.exclude(owner=None)
    own.update(failing_since=now - timedelta(hours=1))
    assert failing.tell(now) == 0
    own.update(active=False, deactivated_at=now)
    assert failing.tell(now) == 0
    lose(instance)  # what comes next is tried again
    assert own.get().active


def test_a_url_that_was_emptied_is_no_news(instance: ElementInstance) -> None:
    now = timezone.now()
    Subscription.objects.update(url="", active=False, deactivated_at=now)
    assert failing.tell(now) == 0


def test_a_subscription_that_somebody_changes_is_told_a_minute_later(
    instance: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    fail(instance, now - timedelta(minutes=6))

    def die(*_: Any) -> None:
        raise RuntimeError("killed before the notification")

    with monkeypatch.context() as patched:
        patched.setattr(failing, "_record", die)
        with pytest.raises(RuntimeError):
            failing.tell(now)
    assert failing.tell(now) == 1  # noted together with the notification, or not at all


def test_the_owners_subscription_is_none_of_the_organizations(
    instance: ElementInstance, organization: NewOrganization, client_for: ClientFor
) -> None:
    lose(instance)
    api: APIClient = client_for(organization)
    assert api.get(f"{API}/notifications/subscriptions").json() == []
    own = Subscription.objects.exclude(owner=None).get()
    answer = api.delete(f"{API}/notifications/subscriptions/{own.pk}")
    assert answer.status_code == 409
    assert "notification.owner.email" in answer.json()["message"]
