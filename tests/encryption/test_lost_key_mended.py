"""What a lost key sealed is replaced, kept for the day that the key comes back, or deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events.models import Delivery, DeliveryAttempt, Subscription
from instances import configuration, tasks
from instances.models import Credential, ElementInstance
from tests.all_due import deliver_all_due, keep_all_due
from tests.api import test_isolation as endpoints
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver
from watching.models import InstanceWatch

pytestmark = pytest.mark.django_db

API = "/elements/api-v2"
CLIENT = {"oauth.api.key": "a-client", "oauth.api.secret": "a-secret"}
NAMED = {
    **CLIENT,
    "event.notification.signature.key": "a-new-key",
    "event.notification.callback.headers": None,
    "event.notification.basic.password": None,
}


@pytest.fixture
def instance(organization: NewOrganization) -> ElementInstance:
    found = endpoints.connect(organization, "mailbox").instance
    found.secrets = '{"oauth.api.key": "a-client", "event.notification.signature.key": "a-key"}'
    found.configuration["oauth.callback.url"] = "https://app.example/callback"
    found.save()
    Credential(instance=found, access_token="token", refresh_token="refresh").save()
    return found


@pytest.fixture
def api(organization: NewOrganization) -> APIClient:
    return endpoints.client_of(organization)


def path_of(instance: ElementInstance) -> str:
    return f"{API}/instances/{instance.pk}"


def test_what_does_not_need_it_is_changed_and_the_key_may_come_back(
    instance: ElementInstance, api: APIClient, lose_key: Callable[[], None], settings: Settings
) -> None:
    keys = settings.PERIODIC_ENCRYPTION_KEYS
    lose_key()

    change = {"name": "renamed", "configuration": {"event.notification.enabled": "false"}}
    assert api.patch(path_of(instance), change, format="json").status_code == 200

    settings.PERIODIC_ENCRYPTION_KEYS = keys
    instance = ElementInstance.objects.get(pk=instance.pk)
    assert instance.name == "renamed"
    assert configuration.stored(instance)["oauth.api.key"] == "a-client"
    assert Subscription.objects.get(instance=instance).signature_key == ""
    assert Credential.objects.get(instance=instance).refresh_token == "refresh"


def test_secrets_are_replaced_all_together_and_nothing_is_dropped_unsaid(
    instance: ElementInstance, api: APIClient, lose_key: Callable[[], None]
) -> None:
    lose_key()
    refused = api.patch(path_of(instance), {"configuration": CLIENT}, format="json")
    assert refused.status_code == 400
    assert "configuration.event.notification.signature.key" in refused.json()["message"]
    masked = {**NAMED, "oauth.api.secret": "********"}
    refused = api.patch(path_of(instance), {"configuration": masked}, format="json")
    assert refused.status_code == 400
    assert "configuration.oauth.api.secret" in refused.json()["message"]

    answer = api.patch(path_of(instance), {"configuration": NAMED}, format="json")

    assert answer.status_code == 200, answer.content
    stored = configuration.stored(ElementInstance.objects.get(pk=instance.pk))
    assert stored["oauth.api.secret"] == "a-secret"
    found = Subscription.objects.get(instance=instance)
    assert (found.signature_key, found.retired_keys) == ("a-new-key", "")


def test_secrets_are_replaced_on_the_page(
    instance: ElementInstance, client: Client, lose_key: Callable[[], None]
) -> None:
    client.force_login(instance.user)
    lose_key()
    page = f"/instances/{instance.pk}/edit"
    shown = client.get(page)
    assert "cannot be opened" in shown.content.decode()
    fields = {**shown.context["form"].initial}
    typed = {f"configuration.{key}": value for key, value in CLIENT.items()}

    sent = client.post(page, {**fields, **typed})

    assert sent.status_code == 302, sent.content.decode()
    stored = configuration.stored(ElementInstance.objects.get(pk=instance.pk))
    assert {key: stored.get(key) for key in CLIENT} == CLIENT
    assert configuration.SIGNATURE_KEY not in stored


def test_secrets_that_nobody_can_read_are_not_led_to_another_address(
    instance: ElementInstance, api: APIClient, lose_key: Callable[[], None]
) -> None:
    lose_key()
    change = {"configuration": {"event.notification.callback.url": "https://other.example/"}}

    refused = api.patch(path_of(instance), change, format="json")

    assert refused.status_code == 409
    assert "Give all of them again" in refused.json()["message"]
    assert Subscription.objects.get(instance=instance).url == "https://receiver.example/"


def test_an_instance_is_deleted(
    instance: ElementInstance, api: APIClient, lose_key: Callable[[], None]
) -> None:
    lose_key()
    assert api.delete(path_of(instance)).status_code == 200
    assert not ElementInstance.objects.exists()


def test_a_grant_is_replaced_by_a_new_consent(
    instance: ElementInstance, lose_key: Callable[[], None]
) -> None:
    from instances import credential, grant

    lose_key()
    credential.store(instance, grant.brought("new token", scope=""))
    found = Credential.objects.get(instance=instance)
    assert (found.access_token, found.refresh_token) == ("new token", "")


def test_a_delivery_waits_and_says_why_while_others_arrive(
    receiver: Receiver, lose_key: Callable[[], None]
) -> None:
    lost = new_instance(url=f"{receiver.url}/lost")
    record(lost)
    lose_key()
    record(new_instance(url=f"{receiver.url}/well"))

    deliver_all_due()

    assert len(receiver.received) == 1
    waiting = Delivery.objects.get(subscription__instance=lost)
    assert waiting.status == "retry"
    [attempt] = DeliveryAttempt.objects.filter(delivery=waiting)
    assert "cannot be decrypted" in attempt.error


def test_a_renewal_says_why_on_its_row_and_the_others_go_on(
    instance: ElementInstance, lose_key: Callable[[], None]
) -> None:
    now = timezone.now()
    Credential.objects.update(refresh_due_at=now - timedelta(minutes=1))
    lose_key()

    tasks._renew(Credential.objects.get().pk)

    found = Credential.objects.get()
    assert (found.state, found.failures) == ("ok", 1)
    assert "cannot be opened" in found.error
    assert found.refresh_due_at is not None
    assert found.refresh_due_at > now


@pytest.mark.django_db(transaction=True)
def test_a_watch_says_why_on_its_row(
    instance: ElementInstance, lose_key: Callable[[], None], settings: Any
) -> None:
    settings.GMAIL_PUBSUB_TOPIC = "projects/a/topics/b"
    watch = InstanceWatch(
        instance=instance, secret="a-secret", configured="x", due_at=timezone.now()
    )
    watch.save()
    lose_key()

    keep_all_due()

    found = InstanceWatch.objects.get()
    assert found.failures == 1
    assert "cannot be opened" in found.error
