"""A receiver or a provider that repeats a secret does not put it into an explanation."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from django.utils import timezone

from events.models import Delivery, DeliveryAttempt, Subscription
from explanations.masking import Masking, masked_url
from instances.models import Credential, ElementInstance
from polling.models import PollingResource, PutAsideObject
from polling.poll_now import poll_now
from tests.all_due import deliver_all_due
from tests.events.receiver import Notification, Receiver, Reply
from tests.polling.conftest import saved
from tests.polling.ledger import Ledger

from .conftest import CALLBACK, Ask

pytestmark = pytest.mark.django_db
SECRETS = {
    "event.notification.signature.key": "the signature key",
    "event.notification.basic.password": "the password",
    "event.notification.callback.headers": "X-Api-Key: the header's value\nX-Other: another value",
}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/hook", "https://example.com/hook"),
        ("https://example.com/hook?token=t&x=1", "https://example.com/hook?********"),
        ("https://user:secret@example.com:8443/a", "https://********@example.com:8443/a"),
        ("https://example.com/a#token", "https://example.com/a#********"),
        ("mailto:user@example.com", "mailto:user@example.com"),
        ("", ""),
        ("http://[::1", "********"),
    ],
)
def test_urls_are_shown_without_query_and_user(url: str, shown: str) -> None:
    assert masked_url(url) == shown


def test_what_a_receiver_repeats_is_masked(
    ask: Ask, instance: ElementInstance, ledger: Ledger, receiver: Receiver
) -> None:
    basic = b64encode(b"the user:the password").decode()
    instance.configuration[CALLBACK] = f"{receiver.url}?token=the%20token"
    instance.configuration["event.notification.basic.username"] = "the user"
    instance.secrets = json.dumps(SECRETS)
    saved(instance)

    def echo(sent: Notification) -> Reply:
        said = [*SECRETS.values(), sent.path, "the token", basic, "ledger", instance.token]
        return Reply(500, body=" | ".join(said).encode())

    receiver.answer = echo
    ledger.add("a")
    poll_now(instance)
    deliver_all_due()
    assert "the password" in DeliveryAttempt.objects.get().response_excerpt

    text = json.dumps(ask(objectId="a"))

    for secret in ("the signature key", "the password", "header's value", "another value"):
        assert secret not in text
    for secret in ("the token", "the%20token", basic, instance.token):
        assert secret not in text
    assert "********" in ask(objectId="a")["events"][0]["deliveries"][0]["url"]


def test_errors_that_repeat_a_token_are_masked(
    ask: Ask, instance: ElementInstance, resource: PollingResource
) -> None:
    credential = Credential.objects.get(instance=instance)
    credential.access_token = "ya29.secret"
    credential.save()
    instance.valid, instance.problem = False, "rejected ya29.secret"
    instance.save()
    PutAsideObject.objects.create(
        resource=resource,
        object_id="a",
        change_type="CREATED",
        attempts=1,
        error="the provider said: ya29.secret is wrong",
        next_try_at=timezone.now(),
    )
    resource.error = "ya29.secret is wrong"
    resource.save()
    Subscription.objects.update(active=False, deactivation_reason="ya29.secret")
    assert "ya29" not in json.dumps(ask(objectId="a"))


def test_a_key_of_a_topics_subscription_is_masked(instance: ElementInstance) -> None:
    masking = Masking.of(
        None, [Subscription(url="https://a.example/?k=abcd", signature_key="key!")]
    )
    assert masking.text("key! k=abcd abcd") == "******** ******** ********"
    assert Masking.of(None).text("as it is") == "as it is"
    assert Delivery.objects.count() == 0
