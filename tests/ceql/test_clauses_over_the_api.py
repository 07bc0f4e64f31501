"""A where-clause that cannot be used is a 400 that says why, at every list that takes one."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from tests.conftest import ClientFor

API = "/elements/api-v2"
LISTS = ["/accounts", "/users", "/elements", "/notifications/subscriptions/deliveries"]


@pytest.fixture
def client(organization: NewOrganization, client_for: ClientFor) -> APIClient:
    return client_for(organization)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("(id = 1", "where: a bracket is never closed (at character 1)"),
        ("id = 'x", "where: a quote is never closed (at character 6)"),
        ("id in (select 1)", "where: a subquery is not allowed (at character 8)"),
        ("id = 1 -- x", "where: a comment is not allowed (at character 8)"),
        ("1=1", 'where: a field\'s name is expected here, not "1" (at character 1)'),
        ("sleep(5)", 'where: a function call is not allowed: "sleep"( (at character 1)'),
        ("id = '" + "x" * 100_000 + "'", "where: has 100007 characters; 10000 are allowed"),
        ("nosuch = 1", "where: nosuch is not known here"),
    ],
)
def test_what_is_no_clause_is_named(client: APIClient, path: str, where: str, says: str) -> None:
    answer = client.get(f"{API}{path}", {"where": where})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(says)


@pytest.mark.parametrize("path", LISTS)
def test_a_blank_clause_is_none(client: APIClient, path: str) -> None:
    assert client.get(f"{API}{path}", {"where": " "}).status_code == 200
