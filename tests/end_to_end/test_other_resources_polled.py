"""Gmail's lists polled by comparing, beside its change feed; and two elements of one name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models import Max
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization
from elements import catalogue
from events.models import Event
from instances.models import ElementInstance
from polling.models import PollingResource
from tests.all_due import poll_all_due
from tests.conftest import ClientFor
from tests.elements.ledger import Provider, ledger, provider
from tests.end_to_end.line import API, Line

POLLER = {
    "changed-messages": {"url": "/hubs/general/changed-messages", "idField": "id"},
    "messages": {"url": "/hubs/general/messages?where=subject='wanted'", "idField": ""},
    "labels": {"url": "/hubs/general/labels", "idField": "name"},
}


def test_messages_and_labels_are_polled_by_their_lists(line: Line) -> None:
    before = line.control.deliver(subject="wanted, and there before")["id"]
    line.connect(poller=POLLER)
    found = line.control.deliver(subject="wanted")["id"]
    other = line.control.deliver(subject="another")["id"]
    line.control.delete(before)
    line.control.create_label("Books")

    reports = line.api.post(f"{API}{line.path}/polls").json()["polls"]
    assert [report["error"] for report in reports] == [None] * 3
    told = {
        (event.object_type, one["objectId"], one["eventType"])
        for event in Event.objects.filter(instance_id=line.instance["id"])
        for one in event.objects_found
    }
    assert told == {
        ("changed-messages", found, "CREATED"),
        ("changed-messages", other, "CREATED"),
        ("changed-messages", before, "DELETED"),
        ("messages", found, "CREATED"),
        ("messages", before, "DELETED"),
        ("labels", "Books", "CREATED"),
    }
    again = line.api.post(f"{API}{line.path}/polls").json()["polls"]
    assert [report["status"] for report in again] == ["idle"] * 3


def test_of_labels_drafts_and_filters_all_that_happens_is_told(
    line: Line, organization: NewOrganization, client_for: ClientFor
) -> None:
    names = ("labels", "drafts", "filters")
    line.connect(poller={one: {"url": f"/hubs/general/{one}", "idField": "id"} for one in names})
    hub = client_for(organization, line.instance["token"])

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = getattr(hub, method)(f"{API}{path}", body, format="json")
        assert answer.status_code == 200, answer.content
        return answer.json() if answer.content else None

    def polled() -> list[tuple[str, str, str]]:
        before = Event.objects.aggregate(last=Max("pk"))["last"] or 0
        reports = line.api.post(f"{API}{line.path}/polls").json()["polls"]
        assert [report["error"] for report in reports] == [None] * 3
        return sorted(
            (event.object_type, one["objectId"], one["eventType"])
            for event in Event.objects.filter(pk__gt=before)
            for one in event.objects_found
        )

    label = call("post", "/labels", {"name": "Books"})["id"]
    draft = call("post", "/drafts", {"subject": "Not yet", "text": "One"})["id"]
    rule = {"criteria": {"from": "sender@example.com"}, "action": {"addLabelIds": ["STARRED"]}}
    made = call("post", "/settings/filters", rule)["id"]
    everything = [("drafts", draft), ("filters", made), ("labels", label)]
    assert polled() == [(*one, "CREATED") for one in everything]

    call("patch", f"/labels/{label}", {"name": "Papers"})
    call("put", f"/drafts/{draft}", {"subject": "Now", "text": "Two"})
    # Gmail has no way to change a filter.
    assert polled() == [("drafts", draft, "UPDATED"), ("labels", label, "UPDATED")]

    call("delete", f"/labels/{label}")
    call("delete", f"/drafts/{draft}")
    call("delete", f"/settings/filters/{made}")
    assert polled() == [(*one, "DELETED") for one in everything]
    assert polled() == []


def test_the_entry_of_changed_messages_serves_every_resource_that_lists(line: Line) -> None:
    resources = [one for one in catalogue.find("gmail").resources if one.can_be_polled]
    polled = [one.name for one in resources if one.name != "history"]  # that needs a parameter
    assert len(polled) > 5
    line.connect(
        poller={name: {"url": f"/hubs/general/{name}", "idField": "id"} for name in polled}
        | {"send-as": {"url": "/hubs/general/send-as", "idField": "sendAsEmail"}}
        | {
            "forwarding-addresses": {
                "url": "/hubs/general/forwarding-addresses",
                "idField": "forwardingEmail",
            }
        }
    )
    for _ in range(2):
        reports = line.api.post(f"{API}{line.path}/polls").json()["polls"]
        assert {one["resource"]: one["error"] for one in reports} == dict.fromkeys(polled)


def test_messages_are_polled_by_date(line: Line) -> None:
    date = "yyyy-MM-dd'T'HH:mm:ssXXX"
    line.control.deliver(subject="there before")
    line.connect(
        poller={
            "messages": {
                "url": f"/hubs/general/messages?where=date>'${{gmtDate:{date}}}'",
                "idField": "id",
                "datesConfiguration": {
                    "createdDateField": "internalDate",
                    "createdDateFormat": "milliseconds",
                },
            }
        }
    )
    found = line.control.deliver(subject="found")["id"]
    for _ in range(2):
        [report] = line.api.post(f"{API}{line.path}/polls").json()["polls"]
        assert report["error"] is None
    [event] = Event.objects.filter(instance_id=line.instance["id"])
    assert [(one["objectId"], one["eventType"]) for one in event.objects_found] == [
        (found, "CREATED")
    ]


@pytest.fixture
def providers(settings: Settings) -> Iterator[list[Provider]]:
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    with provider() as one, provider() as another:
        yield [one, another]


def test_two_organizations_poll_their_own_element_of_one_key(
    transactional_db: None,
    no_waiting: None,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
    providers: list[Provider],
) -> None:
    owners = [organization, create_organization("Another", "other@example.com")]
    instances: list[int] = []
    for owner, books in zip(owners, providers, strict=True):
        api = client_for(owner)
        instances.append(connected(api, books))
    for number, books in enumerate(providers):
        books.entries.append({"id": f"of provider {number}"})
    PollingResource.objects.update(next_poll_at=timezone.now())
    poll_all_due()
    for number, instance in enumerate(instances):
        [event] = Event.objects.filter(instance_id=instance)
        assert [one["objectId"] for one in event.objects_found] == [f"of provider {number}"]
        assert event.organization_id == ElementInstance.objects.get(pk=instance).organization_id


def connected(api: APIClient, books: Provider) -> int:
    assert api.post(f"{API}/elements", ledger(books.url), format="json").status_code == 200
    body: dict[str, Any] = {
        "name": "Books",
        "element": {"key": "ledger"},
        "configuration": {
            "api.key": "a-key",
            "event.notification.enabled": True,
            "event.poller.configuration": {
                "entries": {"url": "/hubs/finance/entries", "idField": "id"}
            },
        },
    }
    answer = api.post(f"{API}/instances", body, format="json")
    assert answer.status_code == 200, answer.content
    return int(answer.json()["id"])
