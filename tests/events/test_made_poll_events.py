"""Poll events that somebody makes: with the secrets, of one's own instances."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from events.models import Event
from instances.models import ElementInstance
from tests.events.found import new_instance
from tests.events.vendor import API, connect, element, ref

pytestmark = pytest.mark.django_db
TOLD = {
    "objectType": "changed-messages",
    "changed-messages": [{"id": "m1", "changeType": "created"}, {"id": "m2", "subject": "hello"}],
}


@pytest.fixture
def mailbox(organization: NewOrganization) -> ElementInstance:
    return new_instance(organization.organization)


def make(
    owner: NewOrganization | None,
    path: str,
    body: Any = TOLD,
    *,
    token: str = "",
    **headers: str,
) -> Any:
    if owner is not None:
        second = f"Element {token}" if token else f"Organization {owner.organization_secret}"
        headers["Authorization"] = f"User {owner.user_secret}, {second}"
    return APIClient().post(f"{API}/events/{path}", body, "json", headers=headers)


@pytest.mark.parametrize("by", ["organization", "element"])
@pytest.mark.parametrize("way", ["polling", "direct"])
def test_records_are_told_as_a_poll_would(
    organization: NewOrganization, mailbox: ElementInstance, by: str, way: str
) -> None:
    token = mailbox.token if by == "element" else ""
    if way == "polling":
        answer = make(organization, f"gmailPolling/{ref(mailbox)}", token=token)
    else:
        answer = make(organization, "gmail/direct", token=token, Id=str(mailbox.pk))

    assert (answer.status_code, answer.content) == (200, b"")
    message = json.loads(Event.objects.get().body)["message"]
    assert message["raw"] == {**TOLD, "instance_id": mailbox.pk}
    assert [(one["objectId"], one["eventType"]) for one in message["events"]] == [
        ("m1", "CREATED"),
        ("m2", "UPDATED"),
    ]


def test_many_records_are_several_events(
    organization: NewOrganization, mailbox: ElementInstance
) -> None:
    records = [{"id": number} for number in range(25)]
    body = {"objectType": "messages", "instance_id": str(mailbox.pk), "messages": records}
    assert make(organization, f"gmailPolling/{mailbox.pk}", body).status_code == 200
    assert Event.objects.count() == 3


def test_the_id_stands_where_the_element_says(organization: NewOrganization) -> None:
    element(organization)
    books = connect(organization, vendor_type="polling")
    body = {"objectType": "entries", "entries": [{"id": 5}]}
    assert make(organization, f"ledgerPolling/{books.pk}", body).status_code == 200
    assert Event.objects.get().objects_found == [{"objectId": "5", "eventType": "UPDATED"}]


def test_nobody_else_makes_them(organization: NewOrganization, mailbox: ElementInstance) -> None:
    other = create_organization("Another", "other@example.com")
    sibling = new_instance(organization.organization)

    for path, headers in (
        (f"gmailPolling/{mailbox.pk}", {}),
        ("gmail/direct", {"Id": str(mailbox.pk)}),
    ):
        assert make(None, path, **headers).status_code == 401
        assert make(other, path, **headers).status_code == 404
        assert make(organization, path, token=sibling.token, **headers).status_code == 404
    assert make(organization, f"ledgerPolling/{mailbox.pk}").status_code == 404
    assert not Event.objects.exists()


@pytest.mark.parametrize("off", [{"enabled": False}, {"events_enabled": False}])
def test_nothing_is_told_of_what_is_off(
    organization: NewOrganization, mailbox: ElementInstance, off: dict[str, bool]
) -> None:
    ElementInstance.objects.update(**off)
    assert make(organization, f"gmailPolling/{mailbox.pk}").status_code == 200
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ([], "the body must be a JSON object"),
        ({}, "objectType is missing"),
        ({"objectType": 5}, "objectType must be a string"),
        ({"objectType": "request", "request": [{}]}, "objectType must be the name of a resource"),
        ({"objectType": "things"}, "things must be a list of records"),
        ({"objectType": "things", "things": []}, "things must be a list of records"),
        ({"objectType": "things", "things": {"id": 1}}, "things must be a list of records"),
        ({"objectType": "things", "things": ["a"]}, "things[0] must be a JSON object"),
        ({"objectType": "things", "things": [{}]}, "things[0].id must be an id"),
        ({"objectType": "things", "things": [{"id": []}]}, "things[0].id must be an id"),
        (
            {"objectType": "things", "things": [{"id": 1}, {"id": 2, "changeType": "moved"}]},
            "things[1].changeType must be one of CREATED, UPDATED, DELETED",
        ),
        ({**TOLD, "instance_id": 1}, "instance_id must be"),
        ({"objectType": "t", "t": [{"id": 1}] * 1_001}, "1001 records; 1000 are allowed"),
    ],
)
def test_what_cannot_be_told_is_refused(
    organization: NewOrganization, mailbox: ElementInstance, body: Any, says: str
) -> None:
    answer = make(organization, f"gmailPolling/{mailbox.pk}", body)
    assert answer.status_code == 400
    assert says in answer.json()["message"]
    assert not Event.objects.exists()


def test_direct_needs_to_know_the_instance(organization: NewOrganization) -> None:
    answer = make(organization, "gmail/direct")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("the header Id is missing")
