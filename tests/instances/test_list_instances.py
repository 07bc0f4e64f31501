"""GET /instances and its filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.provision import NewOrganization, create_organization

API = "/elements/api-v2"
Body = Callable[..., dict[str, Any]]


def names(api: APIClient, **query: Any) -> list[str]:
    answer = api.get(f"{API}/instances", query)
    if answer.status_code == 404:
        assert answer.json()["message"] == "No instances found"
        return []
    assert answer.status_code == 200
    return [row["name"] for row in answer.json()]


@pytest.fixture
def three(api: APIClient, body: Body) -> None:
    for name, tags in (("One", ["a", "b"]), ("Two", ["b"]), ("Three", ["a,b", "c"])):
        answer = api.post(f"{API}/instances", body(name=name, tags=tags), format="json")
        assert answer.status_code == 200


def test_none_is_not_found(api: APIClient) -> None:
    assert names(api) == []


@pytest.mark.usefixtures("three")
def test_filters(api: APIClient) -> None:
    assert names(api) == ["One", "Two", "Three"]
    assert names(api, **{"tags[]": "b"}) == ["One", "Two"]
    assert names(api, **{"tags[]": ["a", "b"]}) == ["One"]
    assert names(api, **{"tags[]": "a,b"}) == ["Three"]
    assert names(api, searchText="tWO") == ["Two"]
    assert names(api, searchText="gmail") == ["One", "Two", "Three"]
    assert names(api, searchText="%") == []
    assert names(api, searchText="nothing") == []


@pytest.mark.usefixtures("three")
def test_pages(api: APIClient) -> None:
    first = api.get(f"{API}/instances", {"pageSize": 2})
    assert [row["name"] for row in first.json()] == ["One", "Two"]
    assert first["Elements-Total-Count"] == "3"
    second = api.get(
        f"{API}/instances", {"pageSize": "2", "nextPage": first["Elements-Next-Page-Token"]}
    )
    assert [row["name"] for row in second.json()] == ["Three"]
    assert "Elements-Next-Page-Token" not in second


@pytest.mark.usefixtures("three")
def test_lighter_without_hydrate(api: APIClient) -> None:
    rows = api.get(f"{API}/instances", {"hydrate": "false"}).json()
    assert "configuration" not in rows[0]
    assert [row["element"] for row in rows] == [
        {"id": 6409, "key": "gmail", "name": "Gmail", "hub": "general"}
    ] * 3
    assert rows[0]["token"]


@pytest.mark.usefixtures("three")
def test_queries_do_not_grow_with_rows(
    api: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(6):
        assert len(names(api)) == 3


@pytest.mark.usefixtures("three")
def test_of_one_element(api: APIClient) -> None:
    assert len(api.get(f"{API}/elements/6409/instances").json()) == 3
    assert api.get(f"{API}/elements/nothing/instances").status_code == 404


@pytest.mark.usefixtures("three")
def test_an_element_token_instead_of_the_organization_lists_its_instance(
    api: APIClient, organization: NewOrganization, client_for: Callable[..., APIClient]
) -> None:
    two = api.get(f"{API}/instances", {"searchText": "Two"}).json()[0]
    pairs = f"User {organization.user_secret}, Element {two['token']}"
    by_token = APIClient(headers={"Authorization": pairs})

    assert names(by_token) == ["Two"]
    assert names(by_token, searchText="One") == []
    assert names(client_for(organization, two["token"])) == ["One", "Two", "Three"]


@pytest.mark.usefixtures("three")
def test_only_of_the_own_organization(client_for: Callable[..., APIClient]) -> None:
    stranger = client_for(create_organization("Other", "other@example.com"))
    assert names(stranger) == []


@pytest.mark.parametrize("query", [{"searchText": "a\0b"}, {"tags[]": "x" * 300}, {"hydrate": "x"}])
@pytest.mark.usefixtures("three")
def test_unusable_filters(api: APIClient, query: dict[str, Any]) -> None:
    assert api.get(f"{API}/instances", query).status_code == 400


@pytest.mark.django_db
def test_without_secrets() -> None:
    assert APIClient().get(f"{API}/instances").status_code == 401
