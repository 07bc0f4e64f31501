"""Every answer carries a request id and the headers that all answers share."""

from __future__ import annotations

import re

import pytest
from rest_framework.test import APIClient

from api import request_id
from tests.api.conftest import API

pytestmark = pytest.mark.django_db


def test_each_answer_has_an_id_of_its_own(api: APIClient) -> None:
    ids = {api.get(f"{API}/echo")["Elements-Request-Id"] for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{24}", each) for each in ids)


def test_the_id_ends_with_the_request(api: APIClient) -> None:
    api.get(f"{API}/echo")
    assert request_id.current() == ""


def test_headers_are_exposed_to_scripts_of_other_origins_only(api: APIClient) -> None:
    exposed = api.get(f"{API}/echo", HTTP_ORIGIN="https://app.example")
    assert exposed["Access-Control-Expose-Headers"] == (
        "Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, "
        "Elements-Next-Page-Token, Elements-Trace-Id, Elements-Error, Content-Disposition"
    )
    assert "Access-Control-Expose-Headers" not in api.get(f"{API}/echo")


def test_an_empty_success_is_a_200_without_content(api: APIClient) -> None:
    response = api.delete(f"{API}/echo")
    assert response.status_code == 200
    assert response.content == b""
