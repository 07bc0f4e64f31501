"""What holds at every address: a request id, a trailing slash that changes nothing."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from pytest_django import Settings

from api.openapi import Enumerator
from api.schema import IN_PATHS

pytestmark = pytest.mark.django_db
API = "/elements/api-v2"


@pytest.fixture(autouse=True)
def _product(settings: Settings) -> None:
    settings.ROOT_URLCONF = "config.urls"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{API}/elements", 200),
        ("GET", f"{API}/openapi.json", 200),
        ("GET", f"{API}/instances", 401),
        ("GET", f"{API}/nothing/here/at/all", 404),
        ("GET", "/elements/nothing", 404),
        ("PUT", f"{API}/elements/keys", 405),
        ("GET", f"{API}/elements?x=%00", 400),
        ("GET", "/elements/api-docs", 200),
        ("GET", "/nothing", 404),
        ("GET", "/sign-in", 200),
        ("GET", "/", 302),
        ("GET", "/admin/", 302),
        ("GET", "/admin/login/", 200),
        ("GET", "/static/api/docs.js", 200),
    ],
)
def test_every_answer_has_a_request_id(client: Client, method: str, path: str, status: int) -> None:
    answer = client.generic(method, path)

    assert answer.status_code == status
    assert re.fullmatch("[0-9a-f]{24}", answer["Elements-Request-Id"])
    if path.startswith(API) and status >= 400:
        assert answer["Content-Type"] == "application/json;charset=UTF-8"
        assert answer.json()["requestId"] == answer["Elements-Request-Id"]


def test_malformed_json_has_one_too(client: Client) -> None:
    path = f"{API}/elements/gmail/oauth/url"

    answer = client.post(path, "{", content_type="application/json")

    assert answer.status_code == 400
    assert answer.json()["requestId"] == answer["Elements-Request-Id"]


def endpoints() -> list[str]:
    enumerator = Enumerator(None, "config.urls")
    found = enumerator.get_api_endpoints()  # type: ignore[no-untyped-call]  # drf-spectacular's
    return sorted({path for path, _, _, _ in found})


def test_a_trailing_slash_leads_to_the_same_endpoint() -> None:
    different = []
    for path in endpoints():
        names = re.findall(r"{(\w+)}", path)
        filled = path.format(**{name: IN_PATHS[name]["example"] for name in names})
        try:
            if resolve(f"{filled}/").func is not resolve(filled).func:
                different.append(path)
        except Resolver404:
            different.append(path)

    assert different == []
