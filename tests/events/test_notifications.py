"""/notifications: post, list, read, acknowledge, delete."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events.models import Delivery, DeliveryAttempt, Event
from tests.all_due import deliver_all_due
from tests.conftest import ClientFor
from tests.events.found import new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
API = "/elements/api-v2/notifications"
WANTED = {"topic": "disk", "message": "It is full", "severity": "high", "from": "importer"}


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


def post(client: APIClient, path: str = "", **body: Any) -> Any:
    return client.post(API + path, body, format="json")


def posted(client: APIClient, **change: Any) -> dict[str, Any]:
    answer = post(client, **{**WANTED, **change})
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_what_is_posted_is_answered_and_read_again(client: APIClient) -> None:
    body = posted(client)

    assert {key: body[key] for key in WANTED} == WANTED
    assert body["active"] is True
    assert body["acknowledged"] is False
    assert body["createdDate"].endswith("Z")
    assert client.get(f"{API}/{body['id']}").json() == body


def test_severity_and_sender_may_be_left_out(client: APIClient) -> None:
    body = post(client, topic="disk", message="It is full").json()
    assert (body["severity"], body["from"]) == ("low", "user@example.com")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "topic is missing"),
        ({"message": "m"}, "topic is missing"),
        ({"topic": None, "message": "m"}, "topic is missing"),
        ({"topic": "t"}, "message is missing"),
        ({"topic": "t", "message": " "}, "message is missing"),
        ({"topic": ["t"], "message": "m"}, "topic must be a string"),
        ({"topic": "t" * 201, "message": "m"}, "topic has 201"),
        ({"topic": "t\0", "message": "m"}, "topic contains a NUL"),
        ({"topic": "t", "message": "m", "severity": "dire"}, "severity must be one of low,"),
        ({"topic": "t", "message": "m", "from": 1}, "from must be a string"),
        ({"topic": "instance.events", "message": "m"}, "topic: instance.events is"),
    ],
)
def test_what_cannot_be_posted_is_400_and_named(
    client: APIClient, body: dict[str, Any], named: str
) -> None:
    answer = post(client, **body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(named)
    assert not Event.objects.exists()


def test_lists_are_by_topic_newest_first_and_paged(client: APIClient) -> None:
    ids = [posted(client)["id"] for _ in range(3)]
    posted(client, topic="other")

    first = client.get(API, {"topics[]": "disk", "pageSize": "2"})
    token = first["Elements-Next-Page-Token"]
    second = client.get(API, {"topics[]": "disk", "pageSize": "2", "nextPage": token})

    assert [one["id"] for one in first.json() + second.json()] == ids[::-1]
    assert first["Elements-Total-Count"] == "3"
    assert "Elements-Next-Page-Token" not in second
    assert len(client.get(API, {"topics[]": ["disk", "other"]}).json()) == 4
    assert client.get(API, {"topics[]": "none"}).json() == []


@pytest.mark.parametrize("query", [{}, {"topics[]": ""}, {"topics[]": ["t"] * 21}])
def test_a_list_needs_topics(client: APIClient, query: dict[str, Any]) -> None:
    answer = client.get(API, query)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("topics[] is")


def test_acknowledging_stays(client: APIClient) -> None:
    body = posted(client)
    answer = client.put(f"{API}/{body['id']}/acknowledge")
    assert answer.status_code == 200
    assert answer.json() == {**body, "acknowledged": True}
    assert client.get(f"{API}/{body['id']}").json()["acknowledged"] is True


def test_a_deleted_one_is_gone_with_its_deliveries(client: APIClient, receiver: Receiver) -> None:
    subscription = {"channel": "webhook", "topics": ["disk"], "config": {"url": receiver.url}}
    post(client, "/subscriptions", **subscription)
    body = posted(client)
    other = posted(client)
    deliver_all_due()

    answer = client.delete(f"{API}/{body['id']}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get(f"{API}/{body['id']}").status_code == 404
    assert [event.pk for event in Event.objects.all()] == [other["id"]]
    assert Delivery.objects.count() == DeliveryAttempt.objects.count() == 1


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 30])
def test_unknown_ones_are_404(client: APIClient, number: str) -> None:
    for answer in (
        client.get(f"{API}/{number}"),
        client.delete(f"{API}/{number}"),
        client.put(f"{API}/{number}/acknowledge"),
        client.get(f"{API}/{number}/subscriptions/deliveries"),
        client.get(f"{API}/{number}/subscriptions/1/deliveries"),
        client.get(f"{API}/subscriptions/{number}"),
        client.delete(f"{API}/subscriptions/{number}"),
    ):
        assert answer.status_code == 404
        assert answer.json()["message"]


def test_an_event_of_an_instance_is_one_too_and_stays_the_instances(
    client: APIClient, organization: NewOrganization
) -> None:
    instance = new_instance(organization.organization)
    (event_id,) = record(instance)
    posted(client)

    body = client.get(f"{API}/{event_id}").json()

    assert body["topic"] == "instance.events"
    assert body["message"] == "changed-messages of Mailbox"
    assert body["instanceId"] == instance.pk
    assert client.delete(f"{API}/{event_id}").status_code == 409
    # And what is posted is no event of an instance.
    events = client.get("/elements/api-v2/instances/events").json()
    assert [event["id"] for event in events] == [str(event_id)]


def test_a_list_takes_as_many_queries_for_many_as_for_one(client: APIClient) -> None:
    posted(client)
    with CaptureQueriesContext(connection) as one:
        client.get(API, {"topics[]": "disk"})
    for _ in range(20):
        posted(client)
    with CaptureQueriesContext(connection) as many:
        client.get(API, {"topics[]": "disk"})
    assert len(many) == len(one)
