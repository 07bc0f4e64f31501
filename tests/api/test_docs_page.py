"""/elements/api-docs shows the API in a browser, from this server alone."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

PAGE = "/elements/api-docs"


@pytest.fixture(autouse=True)
def _these_endpoints(settings: Settings) -> None:
    """The product's, in place of this folder's own."""
    settings.ROOT_URLCONF = "config.urls"


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/"])
def test_it_loads_nothing_from_elsewhere(client: Client, path: str) -> None:
    page = client.get(path)
    loaded = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.content.decode())

    assert page.status_code == 200
    assert "/elements/api-v2/openapi.json" in loaded
    for address in loaded:
        if address != "data:," and not address.startswith("?"):
            assert address.startswith("/")
            assert client.get(address).status_code == 200, address


def test_it_shows_the_hub_calls_of_an_element_too(client: Client) -> None:
    page = client.get(PAGE, {"element": "gmail"}).content.decode()
    assert 'data-document="/elements/api-v2/elements/gmail/docs"' in page
    assert client.get("/elements/api-v2/elements/gmail/docs").json()["swagger"] == "2.0"
    assert '<a href="?element=gmail">Hub calls of Gmail</a>' in client.get(PAGE).content.decode()
    unknown = client.get(PAGE, {"element": '"><script>'}).content.decode()
    assert 'data-document="/elements/api-v2/openapi.json"' in unknown


def test_it_runs_under_a_policy_without_inline_scripts(client: Client) -> None:
    page = client.get(PAGE)

    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert "unsafe" not in page["Content-Security-Policy"]
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page.content.decode(), re.DOTALL)
    assert len(scripts) == 2
    assert all("src=" in attributes and not inline for attributes, inline in scripts)


def test_it_may_stand_in_a_frame(client: Client) -> None:
    page = client.get(PAGE)

    assert "X-Frame-Options" not in page
    assert "frame-ancestors" not in page["Content-Security-Policy"]
    assert client.get("/elements/api-v2/elements")["X-Frame-Options"] == "DENY"


def test_it_is_only_read(client: Client) -> None:
    assert client.post(PAGE).status_code == 405
