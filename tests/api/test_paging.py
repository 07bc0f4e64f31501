"""Platform lists come in pages, by number or by token, and their headers count."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from api import paging
from tests.api.conftest import API

pytestmark = pytest.mark.django_db
NEXT = "Elements-Next-Page-Token"


@pytest.fixture
def users() -> list[int]:
    return [User.objects.create(username=f"user{n}@example.com").pk for n in range(7)]


def page(api: APIClient, query: str = "") -> list[int]:
    response = api.get(f"{API}/users?{query}")
    assert response.status_code == 200, response.content
    return list(response.json())


def test_pages_by_number_follow_on_each_other(api: APIClient, users: list[int]) -> None:
    assert page(api, "page=1&pageSize=2") + page(api, "page=2&pageSize=2") == users[:4]
    assert page(api, "pageSize=4") == users[:4]
    assert page(api) == users[:3]
    assert page(api, "page=4") == []


def test_tokens_lead_through_all_of_it_and_end(api: APIClient, users: list[int]) -> None:
    seen: list[int] = []
    token = ""
    for _ in range(10):
        response = api.get(f"{API}/users", {"pageSize": "3", "nextPage": token})
        seen += response.json()
        assert response["Elements-Returned-Count"] == str(len(response.json()))
        assert response["Elements-Total-Count"] == "7"
        if NEXT not in response:
            break
        token = response[NEXT]
    assert seen == users


def test_a_token_wins_over_a_page(api: APIClient, users: list[int]) -> None:
    token = api.get(f"{API}/users")[NEXT]
    assert page(api, f"page=1&nextPage={token}") == users[3:6]
    assert page(api, "page=2&nextPage=") == users[:3]


def test_a_page_size_above_the_largest_is_served_and_said(
    api: APIClient, users: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LARGEST_SIZE", 5)
    response = api.get(f"{API}/users?pageSize=6")
    assert response.json() == users[:5]
    assert response["Elements-Error"] == "pageSize 6 was served as 5, the largest"


def test_a_page_of_a_thousand_million_is_refused(api: APIClient, users: list[int]) -> None:
    response = api.get(f"{API}/users?pageSize=1000000000")
    assert response.status_code == 400
    assert "pageSize must be a whole number from 1 to 1000000" in response.json()["message"]


@pytest.mark.parametrize("name", ["pageSize", "page"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "9" * 30])
def test_numbers_that_are_none_are_named(api: APIClient, name: str, value: str) -> None:
    response = api.get(f"{API}/users?{name}={value}")
    assert response.status_code == 400
    assert response.json()["message"].startswith(f"{name} must be a whole number from 1")


@pytest.mark.parametrize(
    "token", ["x", "%FF", "b2Zmc2V0Oi0x", "b2Zmc2V0Og", "b2Zmc2V0OjEyMzQ1Njc4OTAxMjM0"]
)
def test_foreign_tokens_are_refused(api: APIClient, token: str) -> None:
    response = api.get(f"{API}/users?nextPage={token}")
    assert response.status_code == 400
    assert response.json()["message"].startswith("nextPage is not a token")
