"""POST …/events/test: one real attempt on request, which is never taken for an event."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from accounts.provision import NewOrganization
from events import trial
from events.models import Delivery, DeliveryAttempt, Subscription
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import KEY, new_instance, statuses
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


@pytest.fixture
def instance(organization: NewOrganization, receiver: Receiver) -> ElementInstance:
    return new_instance(organization.organization, url=receiver.url)


def asked_for(client: APIClient, instance: ElementInstance) -> Any:
    return client.post(f"{API}/instances/{instance.pk}/events/test")


def test_a_signed_test_arrives_and_says_what_it_is(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    answer = asked_for(client, instance)

    assert answer.status_code == 200, answer.content
    result = answer.json()
    (arrived,) = receiver.received
    Webhook("whsec_" + base64.b64encode(KEY.encode()).decode()).verify(
        arrived.body, arrived.headers
    )
    message = json.loads(arrived.body)["message"]
    assert message["test"] is True
    assert message["topic"] == "delivery.test"
    assert message["events"] == []
    assert message["instanceId"] == instance.pk
    assert (result["delivered"], result["statusCode"], result["response"]) == (True, 200, "ok")
    assert result["webhookId"] == arrived.webhook_id
    assert (result["url"], result["error"]) == (receiver.url, "")


def test_it_is_kept_as_a_notification_and_is_no_event(
    client: APIClient, instance: ElementInstance
) -> None:
    result = asked_for(client, instance).json()

    assert client.get(f"{API}/instances/{instance.pk}/events").json() == []
    (kept,) = client.get(f"{API}/notifications?topics[]=delivery.test").json()
    assert kept["id"] == result["notificationId"]
    assert "instanceId" not in kept
    path = f"{API}/notifications/{kept['id']}/subscriptions/deliveries"
    (delivery,) = client.get(path).json()
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
    assert statuses() == ["NOTIFIED"]


@pytest.mark.parametrize("status", [500, 410])
def test_one_that_fails_changes_nothing_and_is_never_sent_again(
    client: APIClient, instance: ElementInstance, receiver: Receiver, status: int
) -> None:
    receiver.always(status, body=b"sorry")
    result = asked_for(client, instance).json()
    assert (result["delivered"], result["statusCode"]) == (False, status)
    assert (result["error"], result["response"]) == (f"answered {status}", "sorry")
    subscription = Subscription.objects.get()
    assert (subscription.active, subscription.failing_since) == (True, None)
    assert DeliveryAttempt.objects.get().status_code == status

    path = f"{API}/notifications/subscriptions/deliveries"
    for where in ("status='failed'", "status!='created'", "channel='webhook'"):
        assert client.put(f"{path}?where={where}").json() == []
    deliver_all_due()
    assert len(receiver.received) == 1
    assert Delivery.objects.get().status == "failed"


def test_one_that_has_arrived_is_not_sent_again_either(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    asked_for(client, instance)
    path = f"{API}/notifications/subscriptions/deliveries"
    assert client.put(f"{path}?where=status='delivered'")["Elements-Total-Count"] == "0"


def test_no_answer_says_why(client: APIClient, instance: ElementInstance) -> None:
    Subscription.objects.update(url="http://127.0.0.1:9/callback")
    result = asked_for(client, instance).json()
    assert result["statusCode"] is None
    assert result["error"] == "the connection was refused or could not be made"


def test_a_deactivated_one_can_be_tested_and_stays_off(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    Subscription.objects.update(active=False)
    assert asked_for(client, instance).json()["delivered"] is True
    assert not Subscription.objects.get().active


def test_without_a_url_it_is_409(client: APIClient, organization: NewOrganization) -> None:
    answer = asked_for(client, new_instance(organization.organization))
    assert answer.status_code == 409
    assert "event.notification.callback.url" in answer.json()["message"]


def test_by_the_element_token(
    client_for: ClientFor, organization: NewOrganization, instance: ElementInstance
) -> None:
    client = client_for(organization, instance.token)
    assert client.post(f"{API}/instances/events/test").json()["delivered"] is True


def test_a_subscription_of_topics(client: APIClient, receiver: Receiver) -> None:
    body = {"channel": "webhook", "topics": ["t"], "config": {"url": receiver.url}}
    made = client.post(f"{API}/notifications/subscriptions", body, format="json").json()
    answer = client.post(f"{API}/notifications/subscriptions/{made['id']}/test")
    assert answer.json()["delivered"] is True
    sent = json.loads(receiver.received[0].body)
    assert (sent["test"], sent["topic"]) == (True, "delivery.test")


def test_one_that_is_killed_during_the_attempt_did_not_arrive(
    instance: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("events.attempt.post", die)
    with pytest.raises(KeyboardInterrupt):
        trial.of_instance(instance, Subscription.objects.get(), instance.created_at)
    assert Delivery.objects.get().status == "failed"
    assert statuses() == ["NEW"]
    instance.delete()
    assert not Delivery.objects.exists()
