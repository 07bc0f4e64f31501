"""A repository that gets another name: GitHub redirects the one before, and nothing is missed."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from integrations.github.sandbox.world import DEFAULT_REPOSITORY, Json
from integrations.github.tests.story import Customer
from integrations.sandbox.faults import Fault, Match

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "octocat/renamed"


def polled(customer: Customer, instance: Json, resource: str = "issues") -> Json:
    path = f"/instances/{instance['id']}/polls"
    found: Json = customer.call("POST", f"{path}?resource={resource}")["polls"][0]
    return found


def note_of(customer: Customer, instance: Json, resource: str = "issues") -> str | None:
    polls = customer.call("GET", f"/instances/{instance['id']}/polls")["resources"]
    [note] = [one["note"] for one in polls if one["resource"] == resource]
    return note  # type: ignore[no-any-return]


def rename(customer: Customer) -> None:
    customer.world.rename(DEFAULT_REPOSITORY, NEW)


def open_issue(customer: Customer, title: str) -> str:
    world = customer.world
    name = NEW if NEW in world.repositories else DEFAULT_REPOSITORY
    return str(world.open_issue({"title": title}, at=world.repository(name))["number"])


def configure(customer: Customer, instance: Json, repository: str) -> None:
    configuration = {"configuration": {"github.repository": repository}}
    customer.call("PATCH", f"/instances/{instance['id']}", configuration)


def test_polls_go_on_under_the_name_before_and_the_resource_says_so(customer: Customer) -> None:
    instance = customer.connect("polling")
    polled(customer, instance)
    rename(customer)
    number = open_issue(customer, "After the rename")
    assert polled(customer, instance)["created"] == 1
    note = note_of(customer, instance)
    assert note is not None
    assert f"/repos/{DEFAULT_REPOSITORY}/issues to /repos/{NEW}/issues" in note
    assert polled(customer, instance)["status"] == "idle"
    assert customer.told(instance) == {("issues", number, "CREATED")}


def test_the_new_name_goes_on_where_the_one_before_stood(customer: Customer) -> None:
    instance = customer.connect("polling")
    polled(customer, instance)
    rename(customer)
    first = open_issue(customer, "Before the new name is known")
    polled(customer, instance)
    second = open_issue(customer, "Before the new name is polled")
    configure(customer, instance, NEW)
    for _ in range(2):
        polled(customer, instance)
    assert note_of(customer, instance) is None
    assert customer.told(instance) == {("issues", one, "CREATED") for one in (first, second)}


def test_what_happens_while_the_name_before_cannot_be_read_is_told(customer: Customer) -> None:
    instance = customer.connect("polling")
    polled(customer, instance)
    away = Match(path=f"/repos/{DEFAULT_REPOSITORY}/issues")
    moved = {"Location": f"{customer.github.url}/repositories/1/issues"}
    customer.github.state.faults.add(away, Fault(status=301, message="Moved", headers=moved), None)
    number = open_issue(customer, "After the rename")
    assert polled(customer, instance)["status"] == "failed"
    customer.github.state.faults.clear()
    rename(customer)
    configure(customer, instance, NEW)
    polled(customer, instance)
    assert customer.told(instance) == {("issues", number, "CREATED")}


def test_another_repository_begins_with_its_first_poll(customer: Customer) -> None:
    instance = customer.connect("polling")
    polled(customer, instance)
    other = customer.world.add_repository("octocat/other")
    customer.world.open_issue({"title": "There before"}, at=other)
    configure(customer, instance, "octocat/other")
    polled(customer, instance)
    number = str(customer.world.open_issue({"title": "New"}, at=other)["number"])
    polled(customer, instance)
    assert customer.told(instance) == {("issues", number, "CREATED")}


def test_compared_lists_go_on_too(customer: Customer) -> None:
    entry = {"branches": {"url": "/hubs/collaboration/branches", "idField": "name"}}
    instance = customer.connect("polling", **{"event.poller.configuration": entry})
    polled(customer, instance, "branches")
    rename(customer)
    customer.world.repository(NEW).heads["refs/heads/new"] = "a" * 40
    polled(customer, instance, "branches")
    assert customer.told(instance) == {("branches", "new", "CREATED")}
    assert "/branches to " in (note_of(customer, instance, "branches") or "")


def test_an_issue_that_was_moved_is_read_where_it_is_or_is_not_found(
    customer: Customer, organization: NewOrganization
) -> None:
    instance = customer.connect("polling")
    world, state = customer.world, customer.github.state
    other = world.add_repository("octocat/other")
    world.open_issue({"title": "Moved here"}, at=other)
    api = APIClient(
        HTTP_AUTHORIZATION=f"Element {instance['token']}, User {organization.user_secret}"
    )
    url = customer.github.url
    for location, status in (
        (f"{url}/repos/octocat/other/issues/1", 200),
        (f"{url}/repos/octocat/other/issues/2", 404),
        ("https://elsewhere.example/issues/1", 404),
    ):
        moved = Fault(status=301, message="Moved Permanently", headers={"Location": location})
        state.faults.add(Match(path=f"/repos/{DEFAULT_REPOSITORY}/issues/5"), moved, 1)
        answer = api.get("/elements/api-v2/hubs/collaboration/issues/5")
        assert answer.status_code == status
        assert status != 200 or answer.json()["title"] == "Moved here"


def test_the_first_commits_of_an_empty_repository_are_told(customer: Customer) -> None:
    empty = Match(path=f"/repos/{DEFAULT_REPOSITORY}/commits")
    fault = Fault(status=409, message="Git Repository is empty.")
    customer.github.state.faults.add(empty, fault, None)
    entry = {"commits": {"url": "/hubs/collaboration/commits", "idField": "sha"}}
    instance = customer.connect("polling", **{"event.poller.configuration": entry})
    assert polled(customer, instance, "commits")["status"] == "idle"
    customer.github.state.faults.clear()
    pushed = customer.world.push()["after"]
    polled(customer, instance, "commits")
    first = customer.world.repository().first["sha"]
    assert customer.told(instance) == {("commits", sha, "CREATED") for sha in (first, pushed)}
