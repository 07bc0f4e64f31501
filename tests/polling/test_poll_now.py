"""POST /instances/{id}/polls polls at once and says what was found."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Organization
from accounts.provision import NewOrganization, create_organization
from polling import claim, poll_now
from polling.claim import PollRunningError, claim_due
from polling.models import PollingResource, PutAsideObject

from .conftest import Connect, saved
from .ledger import Ledger
from .telling import told

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db: None) -> NewOrganization:
    return create_organization("The owner", "owner@example.com")


@pytest.fixture
def organization(owner: NewOrganization) -> Organization:
    return owner.organization


def client(caller: NewOrganization) -> APIClient:
    return APIClient(
        headers={
            "Authorization": (
                f"User {caller.user_secret}, Organization {caller.organization_secret}"
            )
        }
    )


def post(caller: NewOrganization, instance_id: Any, query: str = "") -> tuple[int, Any]:
    answer = client(caller).post(f"/elements/api-v2/instances/{instance_id}/polls{query}")
    return answer.status_code, answer.json()


def test_it_says_what_was_found_though_nothing_was_due(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "b", "gone")
    ledger.change("b")
    del ledger.versions["gone"]
    status, body = post(owner, resource.instance_id)
    assert status == 200
    [found] = body["polls"]
    [event] = found.pop("events")
    assert found == {
        "resource": "entries",
        "status": "found",
        "found": 2,
        "created": 2,
        "updated": 0,
        "deleted": 0,
        "missing": 1,
        "putAside": 0,
        "error": None,
        "recoveredGapSeconds": None,
    }
    assert isinstance(event, int)
    assert told(resource) == [("a", "CREATED"), ("b", "CREATED")]


@pytest.mark.django_db(transaction=True)
def test_a_poll_that_loses_the_grant_says_so(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.faults = [401]
    status, body = post(owner, resource.instance_id)
    assert status == 200
    assert body["polls"][0]["status"] == "failed"
    assert "no refresh token" in body["polls"][0]["error"]


def test_it_leaves_the_schedule_as_it_was(
    owner: NewOrganization, resource: PollingResource
) -> None:
    due = resource.next_poll_at
    assert post(owner, resource.instance_id)[1]["polls"][0]["status"] == "idle"
    resource.refresh_from_db()
    assert resource.next_poll_at == due
    assert resource.lease_id is None


def test_a_large_find_is_fetched_whole(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add(*(f"entry-{number:02}" for number in range(23)))
    [found] = post(owner, resource.instance_id)[1]["polls"]
    assert (found["status"], found["created"], found["putAside"]) == ("found", 23, 0)
    assert len(found["events"]) == 5
    assert PutAsideObject.objects.count() == 0


def test_a_poisoned_object_is_shown_as_put_aside(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "bad")
    ledger.poisoned.add("bad")
    [found] = post(owner, resource.instance_id)[1]["polls"]
    assert (found["created"], found["putAside"]) == (1, 1)


def test_a_failing_provider_is_an_answer_too(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.faults = [403]
    status, body = post(owner, resource.instance_id)
    assert status == 200
    assert body["polls"][0]["status"] == "failed"
    assert "403" in body["polls"][0]["error"]


def test_a_provider_that_hangs_holds_the_answer_up_for_a_bounded_time(
    owner: NewOrganization,
    resource: PollingResource,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll_now, "LONGEST_POLL", 0.1)
    ledger.faults = ["hang"]
    [found] = post(owner, resource.instance_id)[1]["polls"]
    assert found["error"] == "the provider has not answered yet"
    resource.refresh_from_db()
    assert resource.lease_id is None


def test_a_recovered_gap_is_shown(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a")
    ledger.oldest = 1
    [found] = post(owner, resource.instance_id)[1]["polls"]
    assert (found["status"], found["created"]) == ("recovered", 1)
    assert found["recoveredGapSeconds"] >= 0


def test_one_resource_can_be_asked_for(owner: NewOrganization, resource: PollingResource) -> None:
    [found] = post(owner, resource.instance_id, "?resource=/entries")[1]["polls"]
    assert found["resource"] == "entries"
    status, body = post(owner, resource.instance_id, "?resource=drafts")
    assert status == 409
    assert "drafts is not polled on this instance; polled: entries" in body["message"]
    assert post(owner, resource.instance_id, "?resource=nonsense")[0] == 404


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"events_enabled": False}, "event.notification.enabled"),
        ({"enabled": False}, "disabled"),
        ({"valid": False}, "connected again"),
    ],
)
def test_nothing_to_poll_says_why(
    owner: NewOrganization, resource: PollingResource, columns: dict[str, Any], said: str
) -> None:
    for name, value in columns.items():
        setattr(resource.instance, name, value)
    saved(resource.instance)
    status, body = post(owner, resource.instance_id)
    assert status == 409
    assert said in body["message"]


def test_a_poll_that_is_running_is_waited_for_and_then_said(
    owner: NewOrganization, resource: PollingResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    PollingResource.objects.update(next_poll_at=timezone.now())
    [held] = claim_due(1, timezone.now())
    with pytest.raises(PollRunningError):
        poll_now.poll_now(resource.instance, wait=0.1)
    monkeypatch.setattr(poll_now, "LOOK_AGAIN", 0.0)
    waits = iter([held])

    def released(*args: Any, **kwargs: Any) -> Any:
        for resource in waits:
            claim.release([resource])
            raise PollRunningError
        return claim_instance(*args, **kwargs)

    claim_instance = claim.claim_instance
    monkeypatch.setattr(claim, "claim_instance", released)
    assert post(owner, resource.instance_id)[0] == 200


@pytest.mark.parametrize("instance_id", [0, 999_999, 9_999_999_999_999_999_999])
def test_an_instance_that_is_not_there_is_not_found(
    owner: NewOrganization, instance_id: int
) -> None:
    assert post(owner, instance_id)[0] == 404


def test_anothers_instance_is_not_found(resource: PollingResource, db: None) -> None:
    stranger = create_organization("A stranger", "stranger@example.com")
    assert post(stranger, resource.instance_id)[0] == 404


def test_nobody_polls_without_secrets(resource: PollingResource, connect: Connect) -> None:
    url = f"/elements/api-v2/instances/{resource.instance_id}/polls"
    assert APIClient().post(url).status_code == 401
    assert APIClient().get(url).status_code in {401, 405}


def test_what_polls_came_to_is_read_back(
    owner: NewOrganization, resource: PollingResource, ledger: Ledger
) -> None:
    ledger.add("a", "bad")
    ledger.poisoned.add("bad")
    post(owner, resource.instance_id)
    ledger.add("later")
    ledger.oldest = 3
    post(owner, resource.instance_id)
    answer = client(owner).get(f"/elements/api-v2/instances/{resource.instance_id}/polls")
    shown = answer.json()
    [state] = shown["resources"]
    assert (state["resource"], state["active"], state["error"]) == ("entries", True, None)
    [waiting] = state["putAside"]
    assert (waiting["objectId"], waiting["eventType"]) == ("bad", "CREATED")
    assert "this entry cannot be read" in waiting["error"]
    recovered, found, started = shown["runs"]
    assert [run["status"] for run in shown["runs"]] == ["recovered", "found", "started"]
    assert recovered["recoveredGapSeconds"] >= 0
    assert (found["found"], found["putAside"]) == (1, 1)
    assert started["found"] == 0


def test_anothers_polls_are_not_there(resource: PollingResource) -> None:
    stranger = create_organization("Another", "another@example.com")
    answer = client(stranger).get(f"/elements/api-v2/instances/{resource.instance_id}/polls")
    assert answer.status_code == 404
