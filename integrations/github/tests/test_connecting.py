"""Connecting a GitHub account over the API, and calling it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from instances.credential import refresh
from instances.models import Credential, ElementInstance
from instances.tasks import refresh_batch
from integrations.github.sandbox.world import DEFAULT_REPOSITORY
from integrations.github.tests.story import API, Customer
from transport.errors import GrantLost

pytestmark = pytest.mark.django_db


def test_a_token_that_never_expires_is_kept(customer: Customer) -> None:
    instance = customer.connect("polling")

    credential = Credential.objects.get(instance_id=instance["id"])
    assert (credential.expires_at, credential.refresh_due_at) == (None, None)
    assert credential.scope == "repo"
    assert instance["valid"]
    assert refresh_batch() == 0


def test_a_wrong_code_and_a_wrong_secret_are_named(customer: Customer) -> None:
    def refused(body: dict[str, Any]) -> dict[str, Any]:
        answer = customer.api.post("/elements/api-v2/instances", body, format="json")
        assert answer.status_code == 400, answer.content
        found: dict[str, Any] = answer.json()
        return found

    body = customer.body("polling")
    spent = {**body, "providerData": {"code": "spent"}}
    assert refused(spent)["message"].startswith("providerData.code: refused by the provider")
    body["configuration"]["oauth.api.secret"] = "wrong"
    assert "configuration.oauth.api.secret" in refused(body)["message"]
    body["configuration"]["github.repository"] = "hello-world"
    assert refused(body)["message"] == (
        "github.repository: must be the owner and the name of a repository, such as "
        "octocat/hello-world"
    )


def test_hub_calls_read_and_write(
    customer: Customer, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> None:
    instance = customer.connect("polling")
    customer.api = client_for(organization, instance["token"])
    hub = "/hubs/collaboration"

    made = customer.call("POST", f"{hub}/issues", {"title": "A", "labels": ["bug"]})
    customer.call("PATCH", f"{hub}/issues/{made['number']}", {"state": "closed"})
    comment = customer.call("POST", f"{hub}/issues/{made['number']}/comments", {"body": "Why?"})
    customer.call("PATCH", f"{hub}/comments/{comment['id']}", {"body": "Because."})
    for _ in range(4):
        customer.world.open_issue({"title": "B"})

    assert customer.call("GET", f"{hub}/issues/{made['number']}")["state"] == "closed"
    assert customer.call("GET", f"{hub}/comments/{comment['id']}")["body"] == "Because."
    pages = [customer.call("GET", f"{hub}/issues?pageSize=2&page={page}") for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 2, 0]
    assert len(customer.call("GET", f"{hub}/issues?state=all")) == 5
    assert customer.call("GET", f"{hub}/user")["login"] == "octocat"
    assert customer.call("GET", f"{hub}/repositories")[0]["full_name"] == DEFAULT_REPOSITORY
    assert customer.call("GET", f"{hub}/rate-limit")["rate"]["limit"] == 5000
    push = customer.world.push()
    [listed] = customer.call("GET", f"{hub}/pushes")
    assert listed["id"] == f"refs/heads/main:{push['after']}"
    answer = customer.api.post(f"/elements/api-v2{hub}/issues", {"body": "b"}, format="json")
    assert answer.status_code == 422
    assert "title" in answer.json()["providerMessage"]

    customer.world.tokens.clear()
    assert customer.api.get(f"{API}{hub}/user").status_code == 401
    assert ElementInstance.objects.get(pk=instance["id"]).valid
    credential = Credential.objects.get()
    with pytest.raises(GrantLost):  # some time later
        refresh(credential.pk, credential.access_token, confirming=True)
    assert not ElementInstance.objects.get(pk=instance["id"]).valid
