"""A subscription follows its instance's configuration, and its deliveries follow it."""

from __future__ import annotations

import json

import pytest
from django.db import connection, transaction
from django.utils import timezone

from events.models import Delivery, Event, Subscription
from events.subscription import follow_configuration, reactivate, send_queued
from instances import configuration
from instances.models import ElementInstance
from instances.signals import grant_lost, instance_deleting, instance_saved
from tests.all_due import deliver_all_due
from tests.events.found import new_instance, record, statuses
from tests.events.receiver import Notification, Receiver, Reply

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/callback"


@pytest.fixture
def instance() -> ElementInstance:
    return new_instance()


def configure(instance: ElementInstance, **values: str) -> None:
    """Saves the instance with this callback URL and signature key, as provisioning does."""
    names = {"url": configuration.EVENTS_CALLBACK_URL, "key": configuration.SIGNATURE_KEY}
    stored = configuration.stored(instance)
    stored.update({names[name]: value for name, value in values.items()})
    configuration.keep(instance, configuration.element_of(instance), stored)
    instance.save()
    follow_configuration(instance)


def test_the_first_url_makes_it_and_the_key_is_sealed(instance: ElementInstance) -> None:
    configure(instance, url="", key="first")
    assert not Subscription.objects.exists()

    configure(instance, url=URL)

    subscription = Subscription.objects.get()
    assert (subscription.url, subscription.signature_key) == (URL, "first")
    assert subscription.origin == "http://127.0.0.1:9"
    with connection.cursor() as cursor:
        cursor.execute("SELECT signature_key FROM events_subscription")
        (sealed,) = cursor.fetchone()
    assert "first" not in sealed


def test_events_recorded_without_a_url_are_not_sent_once_there_is_one(
    instance: ElementInstance, receiver: Receiver
) -> None:
    record(instance)
    configure(instance, url=receiver.url)
    record(instance)

    deliver_all_due()

    assert len(receiver.received) == 1
    assert sorted(statuses()) == ["NEW", "NOTIFIED"]


def test_what_waits_goes_to_the_new_url_with_the_new_key(
    instance: ElementInstance, receiver: Receiver
) -> None:
    configure(instance, url=URL, key="")
    record(instance)
    configure(instance, url=receiver.url, key="second")

    deliver_all_due()

    (arrived,) = receiver.received
    assert "webhook-signature" in arrived.headers


@pytest.mark.django_db(transaction=True)
def test_the_last_word_of_the_old_url_does_not_turn_off_the_new_one(
    instance: ElementInstance, receiver: Receiver
) -> None:
    new_url = receiver.url.replace("callback", "new")
    with transaction.atomic():
        configure(instance, url=receiver.url)
    record(instance)

    def move_meanwhile(notification: Notification) -> Reply:
        if notification.path == "/new":
            return Reply(200)
        with transaction.atomic():
            configure(instance, url=new_url)
        connection.close()
        return Reply(410)

    receiver.answer = move_meanwhile
    deliver_all_due()

    subscription = Subscription.objects.get()
    assert (subscription.url, subscription.active) == (new_url, True)
    assert subscription.failing_since is None
    assert Delivery.objects.get().status == "delivered"
    assert [one.path for one in receiver.received] == ["/callback", "/new"]


def test_an_emptied_url_queues_what_waits_and_later_events_are_only_recorded(
    instance: ElementInstance,
) -> None:
    configure(instance, url=URL)
    record(instance)
    configure(instance, url="")
    record(instance)

    assert Delivery.objects.get().status == "queued"
    assert Event.objects.latest("id").status == "NEW"


def test_another_url_turns_it_on_again_and_what_is_queued_stays(
    instance: ElementInstance, receiver: Receiver
) -> None:
    configure(instance, url=URL)
    Subscription.objects.update(
        active=False, deactivated_at=timezone.now(), deactivation_reason="because"
    )
    record(instance)
    configure(instance, url=receiver.url)

    deliver_all_due()

    subscription = Subscription.objects.get()
    assert (subscription.active, subscription.deactivation_reason) == (True, "")
    assert receiver.received == []
    assert Delivery.objects.get().status == "queued"


def test_saving_without_a_change_leaves_a_deactivated_one_off(instance: ElementInstance) -> None:
    configure(instance, url=URL)
    Subscription.objects.update(active=False)

    configure(instance, url=URL)

    assert not Subscription.objects.get().active


def test_queued_deliveries_are_sent_when_somebody_asks(
    instance: ElementInstance, receiver: Receiver
) -> None:
    receiver.always(410)
    configure(instance, url=receiver.url)
    record(instance)
    deliver_all_due()
    receiver.always(200)
    subscription = Subscription.objects.get()
    assert send_queued(subscription.pk, timezone.now()) == 0  # while it is off

    assert reactivate(subscription.pk)
    assert send_queued(subscription.pk, timezone.now()) == 1
    deliver_all_due()

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts_made, delivery.failures) == ("delivered", 2, 0)
    assert len(set(receiver.ids())) == 1


def test_without_a_url_it_cannot_be_turned_on(instance: ElementInstance) -> None:
    configure(instance, url=URL)
    configure(instance, url="")

    assert not reactivate(Subscription.objects.get().pk)
    assert not Subscription.objects.get().active


def test_a_lost_grant_is_told(instance: ElementInstance, receiver: Receiver) -> None:
    configure(instance, url=receiver.url)

    grant_lost.send(
        sender=ElementInstance, instance=instance, reason="invalid_grant", code="revoked"
    )
    deliver_all_due()

    message = json.loads(receiver.received[0].body)["message"]
    assert message["topic"] == "instance.authorization.lost"
    assert message["events"][0]["objectType"] == "instance"
    assert message["events"][0]["eventType"] == "UPDATED"
    assert message["events"][0]["objectId"] == str(instance.pk)
    assert message["raw"]["instance"][0]["reason"] == "invalid_grant"


def test_the_signals_are_connected(instance: ElementInstance) -> None:
    instance.configuration = {configuration.EVENTS_CALLBACK_URL: URL}
    instance.save()

    instance_saved.send(
        sender=ElementInstance, instance=instance, created=False, reauthenticated=False
    )
    instance_deleting.send(sender=ElementInstance, instance=instance)

    assert Subscription.objects.get().url == URL
