"""Headers and basic authentication of the callback: sent with every attempt, shown to nobody."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from api.errors import BadRequest
from events.models import DeliveryAttempt, Subscription
from events.subscription import follow_configuration
from instances import callback, configuration
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record
from tests.events.receiver import Notification, Receiver, Reply

API = "/elements/api-v2"
SECRET = "a-secret-of-the-customer"
LINES = f"X-Api-Key: {SECRET}\r\nX-Tenant:  north \n\n"
OBJECT = f'{{"X-Api-Key": "{SECRET}", "X-Tenant": "north", "X-Number": 7}}'


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


def configure(instance: ElementInstance, **values: str) -> None:
    stored = {**configuration.stored(instance), **values}
    configuration.keep(instance, configuration.element_of(instance), stored)
    instance.save()
    follow_configuration(instance)


@pytest.fixture
def instance(db: None, organization: NewOrganization, receiver: Receiver) -> ElementInstance:
    instance = new_instance(organization.organization)
    configure(instance, **{configuration.EVENTS_CALLBACK_URL: receiver.url})
    return instance


# --- How they are written ------------------------------------------------------------------------


@pytest.mark.parametrize("text", [LINES, OBJECT])
def test_lines_and_objects_say_the_same(text: str) -> None:
    assert callback.read(text, path="p")[:2] == [("X-Api-Key", SECRET), ("X-Tenant", "north")]


@pytest.mark.parametrize("text", ["", "  \n", "{}"])
def test_none(text: str) -> None:
    assert callback.read(text, path="p") == []


@pytest.mark.parametrize(
    "text",
    [
        "no colon",
        "{not json",
        '{"X-A": null}',
        '{"X-A": ["b"]}',
        '{"X-A": {"b": "c"}}',
        '{"X-A": true}',
        '{"X-A": "b\\r\\nX-B: c"}',
        '{"X-A": "b\\u0000"}',
        '{"X A": "b"}',
        '{"": "b"}',
        '{"X-A": "b", "x-a": "c"}',
        "X-A: b\nx-a: c",
        "X-A: b\rX-B: c",
        "X-Ä: b",
        "X-A: ä",
        "X-A : b:\x7f",
        *(f"{name}: b" for name in sorted(callback.RESERVED)),
        "HOST: b",
        "Elements-Webhook-Signature: b",
        "webhook-id: b",
        "\n".join(f"X-{number}: b" for number in range(21)),
        "X-A: " + "b" * 8_000,
    ],
)
def test_what_cannot_be_sent_is_refused_without_its_value(text: str) -> None:
    with pytest.raises(BadRequest, match=r"^the\.path: ") as refused:
        callback.read(text.replace(": b", f": {SECRET}"), path="the.path")
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({callback.PASSWORD: "p"}, callback.USERNAME),
        ({callback.USERNAME: "a:b", callback.PASSWORD: "p"}, callback.USERNAME),
        ({callback.USERNAME: "a", callback.PASSWORD: "p\r\n"}, callback.PASSWORD),
        ({callback.USERNAME: "a", callback.PASSWORD: "p" * 501}, callback.PASSWORD),
        ({callback.USERNAME: "a", callback.HEADERS: "authorization: Bearer x"}, callback.HEADERS),
    ],
)
def test_basic_authentication_that_cannot_be_sent_is_refused(
    values: dict[str, str], named: str
) -> None:
    with pytest.raises(BadRequest, match=f"^{named}"):
        callback.headers_of(values)


# --- How they are sent ---------------------------------------------------------------------------


def test_each_attempt_carries_them(instance: ElementInstance, receiver: Receiver) -> None:
    configure(
        instance,
        **{callback.HEADERS: LINES, callback.USERNAME: "us", callback.PASSWORD: "pass:wörd"},
    )
    record(instance)
    deliver_all_due()
    headers = receiver.received[-1].headers
    assert headers["x-api-key"] == SECRET
    assert headers["x-tenant"] == "north"
    basic = headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(basic).decode() == "us:pass:wörd"
    assert headers["content-type"] == "application/json;charset=UTF-8"

    configure(instance, **{callback.HEADERS: "", callback.USERNAME: "", callback.PASSWORD: ""})
    record(instance)
    deliver_all_due()
    assert not {"x-api-key", "authorization"} & receiver.received[-1].headers.keys()


def test_they_are_sealed_and_masked_even_when_the_receiver_answers_them(
    client: APIClient, instance: ElementInstance, receiver: Receiver
) -> None:
    configure(
        instance,
        **{callback.HEADERS: f"Authorization: Bearer {SECRET}"},
    )

    def echo(one: Notification) -> Reply:
        return Reply(500, body=b"x" * 990 + str(one.headers).encode())

    receiver.answer = echo
    record(instance)
    deliver_all_due()

    with connection.cursor() as cursor:
        cursor.execute("SELECT headers FROM events_subscription")
        (sealed,) = cursor.fetchone()
    assert SECRET not in sealed
    excerpt = DeliveryAttempt.objects.get().response_excerpt
    assert excerpt.startswith("xxx")
    assert SECRET[:3] not in excerpt
    shown = client.get(f"{API}/instances/{instance.pk}").json()["configuration"]
    assert shown[callback.HEADERS] == configuration.MASK


def test_those_of_a_subscription_of_topics_are_sent_and_not_answered(
    client: APIClient, receiver: Receiver
) -> None:
    body = {
        "channel": "webhook",
        "topics": ["t"],
        "config": {"url": receiver.url, "headers": {"X-Api-Key": SECRET}},
    }
    made = client.post(f"{API}/notifications/subscriptions", body, format="json")
    assert SECRET not in made.content.decode()
    client.post(f"{API}/notifications", {"topic": "t", "message": "m"}, format="json")
    deliver_all_due()
    assert receiver.received[-1].headers["x-api-key"] == SECRET
    for wrong in ({"Host": "x"}, ["X-A: b"], 7):
        body["config"] = {"url": receiver.url, "headers": wrong}
        answer = client.post(f"{API}/notifications/subscriptions", body, format="json")
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("config.headers")


# --- Where they are sent -------------------------------------------------------------------------


def patch(client: APIClient, instance: ElementInstance, **values: Any) -> Any:
    path = f"{API}/instances/{instance.pk}"
    return client.patch(path, {"configuration": values}, format="json")


@pytest.fixture
def known(client: APIClient, instance: ElementInstance) -> ElementInstance:
    """An instance with headers and a password for its callback."""
    configure(
        instance,
        **{
            "oauth.api.key": "k",
            "oauth.api.secret": "s",
            "oauth.callback.url": "http://127.0.0.1/callback",
            callback.HEADERS: LINES,
            callback.USERNAME: "us",
            callback.PASSWORD: "password",
        },
    )
    return instance


def test_another_origin_needs_them_again(
    client: APIClient, known: ElementInstance, new_receiver: Any
) -> None:
    thief: Receiver = new_receiver()
    moved = {configuration.EVENTS_CALLBACK_URL: thief.url}
    for values in (
        moved,
        {**moved, callback.HEADERS: configuration.MASK},
        {**moved, callback.HEADERS: LINES},
    ):
        answer = patch(client, known, **values)
        assert answer.status_code == 400
        assert f"configuration.{callback.PASSWORD}" in answer.json()["message"]
    # Nor in two steps.
    assert patch(client, known, **{configuration.EVENTS_CALLBACK_URL: ""}).status_code == 200
    assert patch(client, known, **moved).status_code == 400
    record(known)
    deliver_all_due()
    assert thief.received == []

    given = {**moved, callback.HEADERS: "X-Other: o", callback.PASSWORD: "another"}
    assert patch(client, known, **given).status_code == 200
    record(known)
    deliver_all_due()
    assert "x-api-key" not in thief.received[-1].headers
    assert thief.received[-1].headers["x-other"] == "o"


def test_another_path_at_the_same_origin_needs_nothing(
    client: APIClient, known: ElementInstance, receiver: Receiver
) -> None:
    answer = patch(client, known, **{configuration.EVENTS_CALLBACK_URL: f"{receiver.url}/new"})
    assert answer.status_code == 200, answer.content
    assert Subscription.objects.get().url.endswith("/new")


def test_taken_away_they_are_not_missed(
    client: APIClient, known: ElementInstance, new_receiver: Any
) -> None:
    other: Receiver = new_receiver()
    values = {
        configuration.EVENTS_CALLBACK_URL: other.url,
        callback.HEADERS: None,
        callback.USERNAME: None,
        callback.PASSWORD: None,
    }
    assert patch(client, known, **values).status_code == 200
    record(known)
    deliver_all_due()
    assert "authorization" not in other.received[-1].headers


def test_what_is_wrong_is_400_and_names_the_key(client: APIClient, known: ElementInstance) -> None:
    for key, value in ((callback.HEADERS, "Host: x"), (configuration.SIGNATURE_OVERLAP, "soon")):
        answer = patch(client, known, **{key: value})
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(key)
