"""A replaced signature key goes on signing beside the new one, until its time is over."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient
from standardwebhooks import Webhook, WebhookVerificationError

from accounts.provision import NewOrganization
from events import signature, signing_key
from events.models import Subscription
from events.subscription import follow_configuration
from instances import configuration
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record
from tests.events.receiver import Notification, Receiver

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


@pytest.fixture
def instance(organization: NewOrganization, receiver: Receiver) -> ElementInstance:
    instance = new_instance(organization.organization)
    configure(
        instance,
        **{
            "oauth.api.key": "k",
            "oauth.api.secret": "s",
            "oauth.callback.url": "http://127.0.0.1/callback",
            configuration.EVENTS_CALLBACK_URL: receiver.url,
        },
    )
    configure(instance, **{configuration.SIGNATURE_KEY: "first"})
    return instance


def configure(instance: ElementInstance, **values: str) -> None:
    """Saves the instance with this configuration, as provisioning does."""
    stored = {**configuration.stored(instance), **values}
    configuration.keep(instance, configuration.element_of(instance), stored)
    instance.save()
    follow_configuration(instance)


def arrived(instance: ElementInstance, receiver: Receiver) -> Notification:
    """The next notification."""
    record(instance)
    deliver_all_due()
    return receiver.received[-1]


def signers(one: Notification, *keys: str) -> list[str]:
    """Which of the keys a Standard Webhooks library takes this for, at the present time."""
    good = []
    for key in keys:
        try:
            Webhook("whsec_" + base64.b64encode(key.encode()).decode()).verify(
                one.body, one.headers
            )
        except WebhookVerificationError:
            continue
        good.append(key)
    return good


def elements_signer(one: Notification, *keys: str) -> str:
    header = one.headers["elements-webhook-signature"]
    (key,) = [key for key in keys if signature.elements_signature(key, one.body) == header]
    return key


def test_after_a_patch_both_keys_sign_for_a_day(
    instance: ElementInstance, receiver: Receiver
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        configure(instance, **{configuration.SIGNATURE_KEY: "second"})
        both = arrived(instance, receiver)
        assert both.headers["webhook-signature"].count("v1,") == 2
        assert signers(both, "first", "second") == ["first", "second"]
        # The header that holds one signature follows the configuration, as it always has.
        assert elements_signer(both, "first", "second") == "second"

        clock.shift(DAY - timedelta(seconds=1))
        assert signers(arrived(instance, receiver), "first", "second") == ["first", "second"]
        clock.shift(1)
        assert signers(arrived(instance, receiver), "first", "second") == ["second"]


def test_the_overlap_is_configured_and_zero_is_none(
    instance: ElementInstance, receiver: Receiver
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        configure(instance, **{configuration.SIGNATURE_OVERLAP: "60"})
        configure(instance, **{configuration.SIGNATURE_KEY: "second"})
        clock.shift(59)
        assert signers(arrived(instance, receiver), "first", "second") == ["first", "second"]
        clock.shift(1)
        assert signers(arrived(instance, receiver), "first", "second") == ["second"]
        configure(
            instance,
            **{configuration.SIGNATURE_KEY: "third", configuration.SIGNATURE_OVERLAP: "0"},
        )
        assert signers(arrived(instance, receiver), "second", "third") == ["third"]


def test_each_of_several_old_keys_has_its_own_end(
    instance: ElementInstance, receiver: Receiver
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        configure(instance, **{configuration.SIGNATURE_KEY: "second"})
        clock.shift(DAY / 2)
        configure(instance, **{configuration.SIGNATURE_KEY: "third"})
        all_three = ("first", "second", "third")
        assert signers(arrived(instance, receiver), *all_three) == [*all_three]
        clock.shift(DAY / 2)
        assert signers(arrived(instance, receiver), *all_three) == ["second", "third"]


def test_an_emptied_key_signs_nothing_and_leaves_no_old_one(
    instance: ElementInstance, receiver: Receiver
) -> None:
    configure(instance, **{configuration.SIGNATURE_KEY: ""})
    assert "webhook-signature" not in arrived(instance, receiver).headers
    configure(instance, **{configuration.SIGNATURE_KEY: "second"})
    assert signers(arrived(instance, receiver), "first", "second") == ["second"]


def test_a_key_that_comes_back_signs_once(instance: ElementInstance, receiver: Receiver) -> None:
    configure(instance, **{configuration.SIGNATURE_KEY: "second"})
    configure(instance, **{configuration.SIGNATURE_KEY: "first"})
    one = arrived(instance, receiver)
    assert one.headers["webhook-signature"].count("v1,") == 2
    assert signers(one, "first", "second") == ["first", "second"]


def test_no_more_than_five_old_keys_are_kept(instance: ElementInstance, receiver: Receiver) -> None:
    for number in range(8):
        configure(instance, **{configuration.SIGNATURE_KEY: f"key {number}"})
    one = arrived(instance, receiver)
    assert one.headers["webhook-signature"].count("v1,") == 1 + signing_key.MOST_RETIRED


def test_old_keys_are_sealed(instance: ElementInstance) -> None:
    configure(instance, **{configuration.SIGNATURE_KEY: "second"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT retired_keys FROM events_subscription")
        (sealed,) = cursor.fetchone()
    assert sealed
    assert "first" not in sealed


# --- /instances/{id}/signature-key ---------------------------------------------------------------


def rotate(client: APIClient, instance: ElementInstance, **body: Any) -> Any:
    return client.post(f"{API}/instances/{instance.pk}/signature-key", body, format="json")


def test_a_rotation_on_request_makes_a_key_and_the_old_one_leads_until_its_end(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        answer = rotate(client, instance, overlapSeconds=600)
        made = answer.json()["signatureKey"]
        assert answer.json()["previousUntil"] == "2026-06-01T12:10:00Z"
        one = arrived(instance, receiver)
        Webhook(made).verify(one.body, one.headers)
        assert signers(one, "first") == ["first"]
        assert elements_signer(one, "first", made) == "first"

        clock.shift(600)
        one = arrived(instance, receiver)
        Webhook(made).verify(one.body, one.headers)
        assert signers(one, "first") == []
        assert elements_signer(one, "first", made) == made
    instance.refresh_from_db()
    assert configuration.stored(instance)[configuration.SIGNATURE_KEY] == made


def test_the_old_key_is_ended_on_request(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    rotate(client, instance, signatureKey="second")
    assert client.delete(f"{API}/instances/{instance.pk}/signature-key").status_code == 200
    one = arrived(instance, receiver)
    assert signers(one, "first", "second") == ["second"]
    assert elements_signer(one, "first", "second") == "second"


def test_a_leaked_key_is_replaced_without_an_overlap(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    answer = rotate(client, instance, signatureKey="second", overlapSeconds=0)
    assert answer.json() == {"signatureKey": "second", "previousUntil": None}
    one = arrived(instance, receiver)
    assert signers(one, "first", "second") == ["second"]
    assert elements_signer(one, "first", "second") == "second"


@pytest.mark.parametrize(
    "body",
    [
        {"overlapSeconds": -1},
        {"overlapSeconds": 10**9},
        {"overlapSeconds": "soon"},
        {"signatureKey": 7},
        {"signatureKey": "********"},
        {"signatureKey": "x" * 501},
    ],
)
def test_what_is_wrong_is_400_and_changes_nothing(
    client: APIClient, instance: ElementInstance, body: dict[str, Any]
) -> None:
    answer = rotate(client, instance, **body)
    assert answer.status_code == 400
    assert next(iter(body)) in answer.json()["message"]
    assert Subscription.objects.get().signature_key == "first"


def test_a_subscription_of_topics_rotates_its_key(
    client: APIClient, organization: NewOrganization, receiver: Receiver
) -> None:
    made = client.post(
        f"{API}/notifications/subscriptions",
        {
            "channel": "webhook",
            "topics": ["t"],
            "config": {"url": receiver.url, "signatureKey": "first"},
        },
        format="json",
    ).json()
    path = f"{API}/notifications/subscriptions/{made['id']}/signature-key"
    assert client.post(path, {"signatureKey": "second"}, format="json").status_code == 200
    client.post(f"{API}/notifications", {"topic": "t", "message": "m"}, format="json")
    deliver_all_due()
    assert signers(receiver.received[-1], "first", "second") == ["first", "second"]
    assert client.delete(path).status_code == 200
    client.post(f"{API}/notifications", {"topic": "t", "message": "m"}, format="json")
    deliver_all_due()
    assert signers(receiver.received[-1], "first", "second") == ["second"]


def test_an_instances_subscription_is_rotated_by_its_instance(
    client: APIClient, instance: ElementInstance
) -> None:
    found = Subscription.objects.get()
    answer = client.post(f"{API}/notifications/subscriptions/{found.pk}/signature-key")
    assert answer.status_code == 409
    assert f"/instances/{instance.pk}/signature-key" in answer.json()["message"]


def test_a_rotation_is_whole_or_not_at_all(
    organization: NewOrganization, instance: ElementInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("instances.signals.instance_saved.send", fail)
    with pytest.raises(RuntimeError):
        signing_key.rotate(organization.organization, instance.pk, "second", DAY, timezone.now())
    subscription = Subscription.objects.get()
    assert (subscription.signature_key, subscription.retired_keys) == ("first", "")
    instance.refresh_from_db()
    assert configuration.stored(instance)[configuration.SIGNATURE_KEY] == "first"


@pytest.mark.parametrize("key", ["whsec_c2hvcnQ=", "whsec_not base64!", "whsk_x"])
def test_a_key_that_only_looks_like_one_of_standard_webhooks_is_refused(
    client: APIClient, instance: ElementInstance, key: str
) -> None:
    answers = [
        client.post(
            f"/elements/api-v2/instances/{instance.pk}/signature-key",
            {"signatureKey": key},
            format="json",
        ),
        client.post(
            "/elements/api-v2/notifications/subscriptions",
            {
                "channel": "webhook",
                "topics": ["disk-is-full"],
                "config": {"url": "http://127.0.0.1/callback", "signatureKey": key},
            },
            format="json",
        ),
        client.patch(
            f"/elements/api-v2/instances/{instance.pk}",
            {"configuration": {configuration.SIGNATURE_KEY: key}},
            format="json",
        ),
    ]

    assert [one.status_code for one in answers] == [400, 400, 400]
    assert all("ignature" in one.json()["message"] for one in answers)
    assert not any(key in one.content.decode() for one in answers)
