"""A repository by webhooks and by polling: the same changes told, over sockets from end to end."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from events.models import Event
from instances.models import ElementInstance
from integrations.github.sandbox.world import DEFAULT_REPOSITORY
from integrations.github.tests.story import Customer, eventually
from integrations.sandbox.faults import Fault, Match
from tests.all_due import clean_all_due, keep_all_due

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hooked(live_server: LiveServer, settings: Settings, customer: Customer) -> dict[str, Any]:
    """An instance whose webhook is registered."""
    settings.PUBLIC_URL = live_server.url
    instance: dict[str, Any] = customer.connect("webhook")
    keep_all_due()
    return instance


def settled(customer: Customer, deliveries: int) -> None:
    """Until GitHub has sent so many webhooks, pings not counted, and all were taken."""
    sent = customer.github.state.deliveries.sent

    def told() -> list[int]:
        return [one.status for one in sent if one.kind != "ping"]

    eventually(lambda: len(told()) == deliveries)
    assert set(told()) == {200}


def test_webhooks_and_polls_tell_the_same(customer: Customer, hooked: dict[str, Any]) -> None:
    polled = customer.connect("polling")
    customer.call("POST", f"/instances/{polled['id']}/polls")
    world = customer.world

    issue = world.open_issue({"title": "It does not work"})
    pull = world.open_pull("Make it work")
    comment = world.comment(pull["number"], "Thanks!")
    push = world.push()
    world.push("refs/heads/main", delete=True)  # nobody is told
    settled(customer, 5)
    first = {
        ("issues", str(issue["number"]), "CREATED"),
        ("pull-requests", str(pull["number"]), "CREATED"),
        ("comments", str(comment["id"]), "CREATED"),
        ("pushes", f"refs/heads/main:{push['after']}", "CREATED"),
    }
    report = customer.call("POST", f"/instances/{polled['id']}/polls")
    assert {one["resource"]: one["status"] for one in report["polls"]} == dict.fromkeys(
        ("issues", "comments", "pull-requests", "pushes"), "found"
    )
    assert customer.told(hooked) == first
    assert customer.told(polled) == first

    world.change_issue(issue["number"], {"state": "closed"})
    world.change_comment(comment["id"], "Thank you!")
    world.change_pull(pull["number"], {"title": "Let it work"})
    settled(customer, 8)
    customer.call("POST", f"/instances/{polled['id']}/polls")
    then = first | {
        ("issues", str(issue["number"]), "UPDATED"),
        ("pull-requests", str(pull["number"]), "UPDATED"),
        ("comments", str(comment["id"]), "UPDATED"),
    }
    assert customer.told(hooked) == then
    assert customer.told(polled) == then

    world.change_comment(comment["id"], None)
    world.delete_issue(issue["number"])
    settled(customer, 10)
    assert customer.told(hooked) - then == {
        ("issues", str(issue["number"]), "DELETED"),
        ("comments", str(comment["id"]), "DELETED"),
    }


def test_what_github_has_not_signed_is_refused(customer: Customer, hooked: dict[str, Any]) -> None:
    customer.world.open_issue({"title": "It does not work"})
    settled(customer, 1)
    [sent] = [one for one in customer.github.state.deliveries.sent if one.kind == "issues"]

    def again(headers: dict[str, str], body: bytes = sent.body) -> int:
        headers = {**sent.headers, **headers}
        return requests.post(sent.url, data=body, headers=headers, timeout=10).status_code

    other = json.dumps({**json.loads(sent.body), "action": "deleted"}).encode()
    forged = hmac.new(b"a guess", other, hashlib.sha256).hexdigest()
    assert again({}, other) == 401
    assert again({"X-Hub-Signature-256": f"sha256={forged}"}, other) == 401
    assert again({"X-Hub-Signature-256": ""}, other) == 401
    # Sent again by GitHub, or by who has got hold of it: it is no other event.
    assert again({}) == 200
    assert again({"X-GitHub-Delivery": "another"}) == 200
    assert again({"X-GitHub-Event": "issue_comment", "X-GitHub-Delivery": "another"}) == 422
    assert len(customer.told(hooked)) == 1


def test_the_webhook_goes_with_the_instance(customer: Customer, hooked: dict[str, Any]) -> None:
    repository = customer.world.repository()
    [hook] = repository.hooks.values()
    assert hook["events"] == ["issues", "issue_comment", "pull_request", "push"]
    eventually(lambda: bool(customer.github.state.deliveries.sent))  # the ping
    assert customer.github.state.deliveries.sent[0].status == 200
    assert not Event.objects.exists()

    other = customer.world.add_repository("octocat/another")
    configuration = {"github.repository": "octocat/another"}
    customer.call("PATCH", f"/instances/{hooked['id']}", {"configuration": configuration})
    keep_all_due()
    assert len(other.hooks) == 1
    assert not repository.hooks

    customer.call("DELETE", f"/instances/{hooked['id']}")
    clean_all_due()
    assert not other.hooks


def test_a_poll_waits_for_the_rate_limit(customer: Customer) -> None:
    instance = customer.connect("polling")
    path = f"/instances/{instance['id']}/polls"
    customer.world.remaining = 1

    customer.call("POST", f"{path}?resource=issues")
    [report] = customer.call("POST", f"{path}?resource=issues")["polls"]

    assert report["status"] == "failed"
    assert "rate limit" in report["error"]
    row = ElementInstance.objects.get(pk=instance["id"]).polling_resources.get(name="issues")
    assert 3_500 < (row.next_poll_at - timezone.now()).total_seconds() < 3_700


@pytest.mark.parametrize("times", [1, 2])
def test_a_stray_401_costs_no_account(customer: Customer, times: int) -> None:
    """GitHub answers one to good tokens now and then, and no OAuth app's token can be renewed."""
    instance = customer.connect("polling")
    path = f"/instances/{instance['id']}/polls?resource=issues"
    customer.call("POST", path)
    issue = customer.world.open_issue({"title": "It does not work"})
    fault = Fault(status=401, message="Bad credentials")
    customer.github.state.faults.add(
        Match(path=f"/repos/{DEFAULT_REPOSITORY}/issues"), fault, times
    )

    for _ in range(times):
        customer.call("POST", path)

    row = ElementInstance.objects.get(pk=instance["id"])
    assert (row.valid, row.problem) == (True, "")
    assert all(row.polling_resources.values_list("active", flat=True))
    assert customer.told(instance) == {("issues", str(issue["number"]), "CREATED")}


def test_a_stray_401_of_a_hub_call_stops_no_poll(
    customer: Customer, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> None:
    instance = customer.connect("polling")
    customer.api = client_for(organization, instance["token"])
    fault = Fault(status=401, message="Bad credentials")
    customer.github.state.faults.add(Match(path="/user"), fault, 1)

    assert customer.call("GET", "/hubs/collaboration/user")["login"] == "octocat"
    assert ElementInstance.objects.get(pk=instance["id"]).valid
