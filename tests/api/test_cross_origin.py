"""Pages of other origins may call the API where CORS_ALLOWED_ORIGINS names them, and only there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

ELEMENTS = "/elements/api-v2/elements/keys"
APP = "https://app.example.com"
EXPOSED = (
    "Elements-Returned-Count, Elements-Total-Count, Elements-Request-Id, "
    "Elements-Next-Page-Token, Elements-Trace-Id, Elements-Error, Content-Disposition"
)


@pytest.fixture(autouse=True)
def _product(settings: Settings) -> None:
    settings.ROOT_URLCONF = "config.urls"


def preflight(client: Client, path: str = ELEMENTS) -> Any:
    return client.options(
        path,
        headers={
            "Origin": APP,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )


def test_no_origin_is_allowed_unless_named(client: Client) -> None:
    answer = client.get(ELEMENTS, headers={"Origin": APP})

    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer
    assert "Access-Control-Allow-Origin" not in preflight(client)
    assert answer["Access-Control-Expose-Headers"] == EXPOSED


def test_a_named_origin_may_call(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]

    answer = client.get(ELEMENTS, headers={"Origin": APP})

    assert answer["Access-Control-Allow-Origin"] == APP
    assert answer["Access-Control-Expose-Headers"] == EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer
    other = client.get(ELEMENTS, headers={"Origin": "https://other.example.com"})
    assert "Access-Control-Allow-Origin" not in other


def test_a_preflight_allows_the_headers_that_calls_need(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]

    answer = preflight(client)

    assert answer.status_code == 200
    assert "PATCH" in answer["Access-Control-Allow-Methods"]
    allowed = answer["Access-Control-Allow-Headers"]
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))
    assert answer["Elements-Request-Id"]


def test_an_error_can_be_read_too(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]

    answer = client.get("/elements/api-v2/instances", headers={"Origin": APP})

    assert answer.status_code == 401
    assert answer["Access-Control-Allow-Origin"] == APP


def test_pages_for_people_stay_out_of_it(client: Client, settings: Settings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [APP]

    assert "Access-Control-Allow-Origin" not in preflight(client, "/sign-in")
