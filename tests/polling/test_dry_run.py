"""POST /instances/{id}/polls?dryRun=true says what would be found and sent, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.utils import timezone

from accounts.models import Organization
from accounts.provision import NewOrganization, create_organization
from elements import snapshot
from events.models import Event, Subscription
from instances.models import ElementInstance
from polling import claim, dry_run, poll_now
from polling.models import PollingResource, PutAsideObject
from tests.polling.test_poll_now import client

from .conftest import Connect, connect_shelf, saved
from .ledger import Ledger
from .shelf import Shelf, ShelfServer

ITEMS = {"url": "/hubs/general/items", "idField": "id"}
CALLBACK = "event.notification.callback.url"


@pytest.fixture(autouse=True)
def _one_moment(request: pytest.FixtureRequest) -> Iterator[None]:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        yield


@pytest.fixture
def owner(db: None) -> NewOrganization:
    return create_organization("The owner", "owner@example.com")


@pytest.fixture
def organization(owner: NewOrganization) -> Organization:
    return owner.organization


@pytest.fixture
def shelf(shelves: ShelfServer) -> Shelf:
    """Four items: two pages."""
    shelf = shelves.shelves["secret"]
    shelf.put("a", "b", "c", "d", colour="red")
    return shelf


def everything() -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {
        model._meta.label: sorted(model._default_manager.values_list(), key=str)
        for model in apps.get_models()
    }


def ask(owner: NewOrganization, instance_id: int, query: str = "", body: Any = None) -> Any:
    """The answer to a dry run, which left all as it was."""
    before = everything()
    answer = client(owner).post(
        f"/elements/api-v2/instances/{instance_id}/polls?dryRun=true{query}", body, format="json"
    )
    assert everything() == before
    return answer


def tried(owner: NewOrganization, instance_id: int, query: str = "", body: Any = None) -> Any:
    """The report of the one resource."""
    answer = ask(owner, instance_id, query, body)
    assert answer.status_code == 200, answer.content
    [report] = answer.json()["polls"]
    return report


def polled(owner: NewOrganization, instance_id: int) -> Any:
    answer = client(owner).post(f"/elements/api-v2/instances/{instance_id}/polls")
    [report] = answer.json()["polls"]
    return report


def without_ids(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in ("events", "dryRun")}


@pytest.mark.django_db
def test_it_says_what_the_poll_after_it_finds_and_sends(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    resource.instance.configuration = {CALLBACK: "https://receiver.example/"}
    saved(resource.instance)
    ledger.add("a", "gone", "bad")
    ledger.poisoned.add("bad")
    del ledger.versions["gone"]

    report = tried(owner, resource.instance_id)
    really = polled(owner, resource.instance_id)

    assert without_ids(report) == without_ids(really)
    assert (report["status"], report["events"]) == ("found", [])
    said = report["dryRun"]
    assert said["changes"] == [{"objectId": "a", "eventType": "CREATED"}]
    assert said["missingObjects"] == ["gone"]
    [put_aside] = said["putAsideObjects"]
    assert (put_aside["objectId"], put_aside["eventType"]) == ("bad", "CREATED")
    assert "this entry cannot be read" in put_aside["error"]
    assert (said["firstPoll"], said["wouldSend"], said["notes"]) == (False, True, [])
    [event] = Event.objects.all()
    [payload] = said["payloads"]
    assert said["notifications"] == 1
    payload["message"]["eventId"] = event.pk
    assert payload == json.loads(event.body)
    assert list(payload["message"]) == list(json.loads(event.body)["message"])


@pytest.mark.django_db
def test_what_was_told_is_not_told_again(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "bad")
    ledger.poisoned.add("bad")
    polled(owner, resource.instance_id)
    assert tried(owner, resource.instance_id)["status"] == "idle"

    PutAsideObject.objects.update(next_try_at=timezone.now())
    PollingResource.objects.update(put_aside_due_at=timezone.now())
    ledger.poisoned.clear()
    ledger.change("a")
    report = tried(owner, resource.instance_id)

    assert {one["objectId"]: one["eventType"] for one in report["dryRun"]["changes"]} == {
        "a": "UPDATED",
        "bad": "CREATED",
    }
    assert report["putAside"] == 0
    assert without_ids(report) == without_ids(polled(owner, resource.instance_id))


@pytest.mark.django_db
def test_a_poll_that_is_running_is_not_waited_for(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    [held] = claim.claim_instance(resource.instance_id, timezone.now())
    assert tried(owner, resource.instance_id)["created"] == 1
    assert claim.renew([held], timezone.now()) == 1


@pytest.mark.django_db
def test_a_listing_is_compared_with_what_is_known(
    owner: NewOrganization, organization: Organization, shelf: Shelf
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    poll_now.start_new(instance.pk)
    shelf.put("e", size=5)
    shelf.put("b", colour="blue")
    del shelf.items["c"]

    report = tried(owner, instance.pk)

    assert without_ids(report) == without_ids(polled(owner, instance.pk))
    assert (report["created"], report["updated"], report["deleted"]) == (1, 1, 1)
    [event] = Event.objects.all()
    message = report["dryRun"]["payloads"][0]["message"]
    assert message["raw"] == json.loads(event.body)["message"]["raw"]


@pytest.mark.django_db
def test_with_events_off_it_is_the_first_poll_and_says_so(
    owner: NewOrganization, organization: Organization, shelf: Shelf
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    instance.events_enabled = False
    saved(instance)

    report = tried(owner, instance.pk)

    said = report["dryRun"]
    assert (report["status"], report["found"]) == ("started", 0)
    assert (said["firstPoll"], said["listed"], said["wouldSend"]) == (True, 4, False)
    assert "events are off" in said["notes"][0]
    assert "first poll" in said["notes"][-1]
    assert said["payloads"] == []
    [told] = said["sample"]["message"]["events"]
    assert (told["objectId"], told["eventType"]) == ("a", "CREATED")
    assert said["sample"]["message"]["raw"]["items"] == [{"id": "a", "colour": "red"}]


@pytest.mark.django_db
def test_a_first_poll_that_is_to_tell_all_does(
    owner: NewOrganization, organization: Organization, shelf: Shelf
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    poll_now.start_new(instance.pk)
    entry = {"resource": "items", "configuration": {**ITEMS, "backfill": True}}
    report = tried(owner, instance.pk, body=entry)
    assert (report["created"], report["dryRun"]["firstPoll"]) == (4, True)
    assert not any("tells nothing" in note for note in report["dryRun"]["notes"])


@pytest.mark.django_db
def test_a_listing_with_dates_is_asked_by_them(
    owner: NewOrganization, organization: Organization, shelf: Shelf
) -> None:
    dates = {"updatedDateField": "at", "updatedDateFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'"}
    instance = connect_shelf(
        organization,
        "secret",
        {"items": {**ITEMS, "datesConfiguration": dates, "filterByCurrentDate": True}},
    )
    poll_now.start_new(instance.pk)
    shelf.put("now", at="2026-03-01T12:00:00Z")
    shelf.put("to-come", at="2027-03-01T12:00:00Z")

    report = tried(owner, instance.pk)

    said = report["dryRun"]
    assert "now" in {one["objectId"] for one in said["changes"]}
    assert {"objectId": "to-come", "rule": "filterByCurrentDate"} in said["filteredObjects"]
    assert without_ids(report) == without_ids(polled(owner, instance.pk))


@pytest.mark.django_db
def test_a_feed_with_events_off_only_says_where_it_would_start(
    owner: NewOrganization, connect: Connect, ledger: Ledger
) -> None:
    ledger.add("a")
    report = tried(owner, connect("ledger", events_enabled=False).pk)
    said = report["dryRun"]
    assert (report["status"], said["firstPoll"]) == ("started", True)
    assert (said["listed"], said["sample"]) == (None, None)


@pytest.mark.django_db
def test_a_large_or_dear_listing_has_no_sample(
    owner: NewOrganization,
    organization: Organization,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {"resource": "names", "configuration": {"url": "/hubs/general/names", "idField": "id"}}
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    report = tried(owner, instance.pk, body=names)
    assert (report["dryRun"]["listed"], report["dryRun"]["sample"]) == (4, None)
    assert not any(path.startswith("/items/") for path in shelf.requests)
    monkeypatch.setattr(dry_run, "MOST_OF_A_SAMPLE", 3)
    report = tried(owner, instance.pk)
    assert (report["dryRun"]["listed"], report["dryRun"]["sample"]) == (4, None)


@pytest.mark.django_db
def test_an_entry_is_tried_before_it_is_saved(
    owner: NewOrganization, organization: Organization, shelf: Shelf
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    poll_now.start_new(instance.pk)
    shelf.put("e")
    narrower = {**ITEMS, "url": "/hubs/general/items?where=colour='red'"}

    same = tried(owner, instance.pk, body={"resource": "items", "configuration": ITEMS})
    other = tried(owner, instance.pk, body={"resource": "/items", "configuration": narrower})

    assert (same["created"], same["dryRun"]["firstPoll"]) == (1, False)
    assert (other["status"], other["dryRun"]["listed"]) == ("started", 4)
    rule = {"objectId": "e", "rule": "the where of its url"}
    assert other["dryRun"]["filteredObjects"] == [rule]
    assert polled(owner, instance.pk)["created"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "body", "status", "said"),
    [
        ("", {"configuration": ITEMS}, 400, "resource is missing"),
        ("&resource=items", {"resource": "names"}, 400, "one in the query and another"),
        ("", {"resource": "items", "configuration": []}, 400, "configuration must be"),
        ("", {"resource": "items", "configuration": {"url": "x"}}, 400, "items.url"),
        ("", {"resource": "nonsense"}, 404, "nonsense"),
        ("", {"resource": 7}, 400, "resource must be a string"),
        ("", {"resource": "names"}, 409, "not in event.poller.configuration"),
        ("", [], 400, "JSON object"),
        ("&dryRun=perhaps", {}, 400, "dryRun must be true or false"),
    ],
)
def test_a_wrong_wish_says_what_would_be_right(
    owner: NewOrganization,
    organization: Organization,
    shelf: Shelf,
    query: str,
    body: Any,
    status: int,
    said: str,
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    answer = ask(owner, instance.pk, query, body)
    assert answer.status_code == status, answer.content
    assert said in answer.json()["message"]


@pytest.mark.django_db
def test_an_entry_is_not_polled_for_real(
    owner: NewOrganization, organization: Organization, shelf: Shelf
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    answer = client(owner).post(
        f"/elements/api-v2/instances/{instance.pk}/polls",
        {"resource": "items", "configuration": ITEMS},
        format="json",
    )
    assert answer.status_code == 400
    assert "dryRun=true" in answer.json()["message"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("columns", "said"),
    [({"enabled": False}, "disabled"), ({"valid": False}, "connected again")],
)
def test_an_account_that_cannot_be_asked_says_why(
    owner: NewOrganization, resource: PollingResource, columns: dict[str, Any], said: str
) -> None:
    for name, value in columns.items():
        setattr(resource.instance, name, value)
    saved(resource.instance)
    answer = ask(owner, resource.instance_id)
    assert answer.status_code == 409
    assert said in answer.json()["message"]


@pytest.mark.django_db
def test_what_would_keep_events_from_being_sent_is_said(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    said = tried(owner, resource.instance_id)["dryRun"]
    assert not said["wouldSend"]
    assert "callback.url is empty" in said["notes"][0]
    Subscription.objects.create(
        organization=resource.organization, instance=resource.instance, url="x", active=False
    )
    assert "deactivated" in tried(owner, resource.instance_id)["dryRun"]["notes"][0]


@pytest.mark.django_db
def test_a_failing_provider_is_an_answer_too(
    owner: NewOrganization,
    resource: PollingResource,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger.faults = [403]
    report = tried(owner, resource.instance_id)
    assert (report["status"], report["dryRun"]["payloads"]) == ("failed", [])
    assert "403" in report["error"]
    monkeypatch.setattr(poll_now, "LONGEST_POLL", 0.1)
    ledger.faults = ["hang"]
    assert tried(owner, resource.instance_id)["error"] == "the provider has not answered yet"


@pytest.mark.django_db
def test_what_is_shown_is_bounded(
    owner: NewOrganization,
    organization: Organization,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    instance = connect_shelf(organization, "secret", {"items": ITEMS})
    poll_now.start_new(instance.pk)
    shelf.put(*(f"new-{number}" for number in range(150)))
    report = tried(owner, instance.pk)
    said = report["dryRun"]
    assert (report["created"], said["notifications"]) == (150, 15)
    assert (len(said["changes"]), len(said["payloads"])) == (100, 3)
    monkeypatch.setattr(dry_run, "LARGEST_PAYLOADS", 10)
    assert tried(owner, instance.pk)["dryRun"]["payloads"] == []
    monkeypatch.setattr(snapshot, "MOST_TOLD", 20)
    report = tried(owner, instance.pk)
    assert (report["created"], report["dryRun"]["more"]) == (20, True)


@pytest.mark.django_db
def test_anothers_instance_is_not_found(resource: PollingResource) -> None:
    stranger = create_organization("A stranger", "stranger@example.com")
    assert ask(stranger, resource.instance_id).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_grant_that_turns_out_to_be_lost_is_lost_by_a_real_poll_only(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.faults = [401]
    report = tried(owner, resource.instance_id)
    assert report["status"] == "failed"
    assert "rejected the access token" in report["error"]
    assert ElementInstance.objects.get(pk=resource.instance_id).valid

    ledger.faults = [401]
    polled(owner, resource.instance_id)
    ledger.faults = [401]
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        polled(owner, resource.instance_id)
    assert not ElementInstance.objects.get(pk=resource.instance_id).valid
