"""/instances/…/events: what was found, and how its delivery goes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from api import paging
from events.models import Event
from instances.models import ElementInstance
from tests.all_due import deliver_all_due
from tests.events.found import changes, new_instance, record
from tests.events.receiver import Receiver

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"


@pytest.fixture
def organization() -> NewOrganization:
    return create_organization("An organization", "user@example.com")


@pytest.fixture
def instance(organization: NewOrganization, receiver: Receiver) -> ElementInstance:
    return new_instance(organization.organization, url=receiver.url)


@pytest.fixture
def get(organization: NewOrganization) -> Callable[..., Any]:
    """GETs a path as the organization's user; with `token`, as the Element of it instead."""

    def ask(path: str, token: str = "", **query: str) -> Any:
        second = f"Element {token}" if token else f"Organization {organization.organization_secret}"
        client = APIClient(headers={"Authorization": f"User {organization.user_secret}, {second}"})
        return client.get(API + path, query)

    return ask


def test_an_event_is_read_from_new_to_notified(
    instance: ElementInstance, get: Callable[..., Any]
) -> None:
    (event_id,) = record(instance, 2)
    before = get(f"/instances/{instance.pk}/events").json()
    deliver_all_due()
    (after,) = get(f"/instances/{instance.pk}/events").json()

    assert [(one["id"], one["status"]) for one in before] == [(str(event_id), "DISPATCHED")]
    assert (after["id"], after["status"]) == (str(event_id), "NOTIFIED")
    assert after["eventDate"].endswith("Z")
    raw = json.loads(after["providerData"])
    assert [one["id"] for one in raw["changed-messages"]] == ["m0", "m1"]
    assert after["notifiedData"][0]["message"]["eventId"] == event_id
    assert base64.b64decode(after["encodedid"]).decode() == str(instance.pk)


@pytest.mark.parametrize(
    "path", ["/instances/events/{event}", "/instances/{instance}/events/{event}"]
)
def test_the_detail_names_the_objects(
    instance: ElementInstance, get: Callable[..., Any], path: str
) -> None:
    (event_id,) = record(instance, 2)

    detail = get(path.format(event=event_id, instance=instance.pk)).json()

    assert detail["id"] == str(event_id)
    (of_instance,) = detail["eventElementInstances"]
    assert of_instance["objectIds"] == [{"value": "m0"}, {"value": "m1"}]


def test_deliveries_show_every_attempt(
    instance: ElementInstance, get: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.always(500, body=b"sorry")
    (event_id,) = record(instance)
    deliver_all_due()

    answer = get(f"/instances/{instance.pk}/events/{event_id}/deliveries")

    (delivery,) = answer.json()
    assert answer.headers["Elements-Total-Count"] == "1"
    assert (delivery["status"], delivery["webhookId"]) == ("retry", receiver.ids()[0])
    assert delivery["nextAttemptDate"] is not None
    (attempt,) = delivery["attempts"]
    assert (attempt["number"], attempt["statusCode"]) == (1, 500)
    assert (attempt["error"], attempt["response"]) == ("answered 500", "sorry")
    assert attempt["durationMs"] >= 0


def test_lists_are_paged_newest_first(instance: ElementInstance, get: Callable[..., Any]) -> None:
    events = record(instance, 50)

    first = get("/instances/events", pageSize="2")
    second = get(
        "/instances/events", pageSize="2", nextPage=first.headers["Elements-Next-Page-Token"]
    )

    ids = [int(one["id"]) for one in first.json() + second.json()]
    assert ids == sorted(events, reverse=True)[:4]
    assert first.headers["Elements-Total-Count"] == "5"


def test_no_events_is_an_empty_list(instance: ElementInstance, get: Callable[..., Any]) -> None:
    for path in ("/instances/events", "/instances/events/", f"/instances/{instance.pk}/events/"):
        answer = get(path)
        assert (answer.status_code, answer.json()) == (200, [])


def test_an_element_token_narrows_the_list_to_its_instance(
    organization: NewOrganization, instance: ElementInstance, get: Callable[..., Any]
) -> None:
    other = new_instance(organization.organization)
    record(instance)
    (own,) = record(other)

    assert len(get("/instances/events").json()) == 2
    assert [one["id"] for one in get("/instances/events", token=other.token).json()] == [str(own)]


def test_another_organizations_events_are_not_found(
    instance: ElementInstance, get: Callable[..., Any]
) -> None:
    foreign = new_instance()
    (event_id,) = record(foreign)
    (own_id,) = record(instance)

    assert len(get("/instances/events").json()) == 1
    for path in (
        f"/instances/{foreign.pk}/events",
        f"/instances/{foreign.pk}/events/{event_id}",
        f"/instances/{instance.pk}/events/{event_id}",
        f"/instances/events/{event_id}",
        f"/instances/events/{event_id}/deliveries",
        f"/instances/{foreign.pk}/events/{own_id}",
        f"/instances/events/{'9' * 30}",
        f"/instances/{'9' * 19}/events",
    ):
        answer = get(path)
        assert answer.status_code == 404, path
        assert answer.json()["message"]


def test_without_secrets_it_is_401(instance: ElementInstance) -> None:
    assert APIClient().get(f"{API}/instances/events").status_code == 401


@pytest.mark.parametrize("query", [{"pageSize": "0"}, {"pageSize": "x"}, {"nextPage": "?"}])
def test_a_page_that_cannot_be_is_400(get: Callable[..., Any], query: dict[str, str]) -> None:
    assert get("/instances/events", **query).status_code == 400


def test_a_page_of_large_events_ends_early_and_its_token_leads_on(
    instance: ElementInstance, get: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LARGEST_PAGE", 25_000)
    ids = [str(record(instance, changes(1, text="x" * 10_000))[0]) for _ in range(4)]
    ids.append(str(record(instance, changes(1, text="x" * 90_000))[0]))

    pages, token = [], ""
    for _ in range(10):
        answer = get("/instances/events", nextPage=token)
        pages.append([event["id"] for event in answer.json()])
        assert answer["Elements-Returned-Count"] == str(len(answer.json()))
        assert answer["Elements-Total-Count"] == "5"
        if "Elements-Next-Page-Token" not in answer:
            break
        assert "go on with nextPage" in answer["Elements-Error"]
        token = answer["Elements-Next-Page-Token"]

    newest_first = ids[::-1]
    assert pages == [newest_first[:1], newest_first[1:3], newest_first[3:]]


def test_a_list_takes_as_many_queries_for_many_events_as_for_one(
    instance: ElementInstance, get: Callable[..., Any]
) -> None:
    record(instance)
    with CaptureQueriesContext(connection) as one:
        get("/instances/events")
    record(instance, 300)
    with CaptureQueriesContext(connection) as many:
        get("/instances/events")

    assert Event.objects.count() == 31
    assert len(many) == len(one)
