"""Nobody is told anything of what isn't his, and wrong questions say what would be right."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from accounts.secret import digest
from events.models import Delivery
from instances.models import ElementInstance
from polling.poll_now import poll_now
from tests.polling.conftest import Connect
from tests.polling.ledger import Ledger

from .conftest import API, client_of, explanation

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(instance: ElementInstance, ledger: Ledger) -> Delivery:
    """Of an event of object a; b is put aside and c was gone."""
    ledger.add("a", "b", "c")
    ledger.poisoned.add("b")
    del ledger.versions["c"]
    poll_now(instance)
    return Delivery.objects.get()


def with_token(instance: ElementInstance, token: str) -> None:
    instance.token, instance.token_digest = token, digest(token)
    instance.save()


def test_anothers_is_as_unknown_as_what_is_not_there(delivery: Delivery) -> None:
    stranger = client_of(create_organization("A stranger", "stranger@example.com"))
    nothing = {"events": [], "olderEvents": False, "instances": []}
    for theirs, unknown in (
        ({"webhookId": delivery.webhook_id}, {"webhookId": "msg_" + "0" * 32}),
        ({"eventId": delivery.event_id}, {"eventId": delivery.event_id + 100}),
    ):
        answers = [explanation(stranger, **query) for query in (theirs, unknown)]
        assert [answer.status_code for answer in answers] == [404, 404]
        said = [
            answer.json()["message"].replace(str(value), "")
            for answer, query in zip(answers, (theirs, unknown), strict=True)
            for value in query.values()
        ]
        assert said[0] == said[1]
    for object_id in ("a", "b", "c", "nothing"):
        assert explanation(stranger, objectId=object_id).json() == nothing
    instance_id = delivery.event.instance_id
    answer = explanation(stranger, instance_id, objectId="a")
    assert answer.status_code == 404
    assert answer.json()["message"] == f"No element instance found with id {instance_id}"


def test_an_element_token_alone_sees_its_instance_only(
    owner: NewOrganization, instance: ElementInstance, connect: Connect, delivery: Delivery
) -> None:
    with_token(instance, "own token")
    other = connect("other")
    with_token(other, "other token")
    own = client_of(owner, token="own token", organization=False)
    others = client_of(owner, token="other token", organization=False)

    assert explanation(own, webhookId=delivery.webhook_id).status_code == 200
    assert [one["instanceId"] for one in explanation(own, objectId="b").json()["instances"]] == [
        instance.pk
    ]
    assert explanation(others, webhookId=delivery.webhook_id).status_code == 404
    assert explanation(others, eventId=delivery.event_id).status_code == 404
    assert explanation(others, instance.pk, objectId="a").status_code == 404
    shown = explanation(others, objectId="a").json()
    assert shown["events"] == []
    assert [one["instanceId"] for one in shown["instances"]] == [other.pk]


def test_one_instance_is_told_from_another(
    owner: NewOrganization, connect: Connect, delivery: Delivery
) -> None:
    other = connect("other")
    asked = client_of(owner)
    assert explanation(asked, other.pk, webhookId=delivery.webhook_id).status_code == 404
    assert explanation(asked, other.pk, eventId=delivery.event_id).status_code == 404
    assert explanation(asked, other.pk, objectId="a").json()["events"] == []


def test_nobody_asks_without_secrets(db: None) -> None:
    assert APIClient().get(f"{API}/instances/events/explanation").status_code == 401


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "webhookId, eventId, objectId"),
        ({"objectId": "  "}, "webhookId, eventId, objectId"),
        ({"objectId": "a", "eventId": "1"}, "2 are given"),
        ({"eventId": "one"}, "eventId must be a whole number"),
        ({"eventId": "99999999999999999999999"}, "eventId must be a whole number"),
        ({"objectId": "a\0b"}, "NUL characters"),
        ({"objectId": "a" * 501}, "objectId has 501 characters"),
        ({"webhookId": "a" * 2000}, "webhookId has 2000 characters"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused(
    owner: NewOrganization, query: dict[str, Any], said: str
) -> None:
    answer = explanation(client_of(owner), **query)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


@pytest.mark.parametrize("object_id", ['"}]', "\\", "'; --", "<script>", "🙂", "%", "\ud7ff"])
def test_any_text_may_be_asked_for(owner: NewOrganization, object_id: str) -> None:
    assert explanation(client_of(owner), objectId=object_id).json()["events"] == []
