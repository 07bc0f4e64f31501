"""Codes as people bring them: as the provider means them, or as an address bar shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from instances.authorization_code import readings
from tests.instances.conftest import API, REDIRECT


@pytest.mark.django_db
@pytest.mark.parametrize(
    "written",
    [
        lambda code: quote(code, safe=""),
        lambda code: (
            quote(code, safe="").lower().replace(code.split("/")[1].lower(), "")
            + quote(code.split("/")[1], safe="")
        ),
        lambda code: f" {code}\n",
        lambda code: f"{REDIRECT}?state=s&code={quote(code, safe='')}&scope=a",
    ],
    ids=["encoded", "encoded in small letters", "with blanks", "the whole address"],
)
def test_a_code_from_the_address_bar_connects(
    api: APIClient, body: Callable[..., dict[str, Any]], written: Callable[[str], str]
) -> None:
    wanted = body()
    code = wanted["providerData"]["code"]
    assert "/" in code
    wanted["providerData"]["code"] = written(code)

    answer = api.post(f"{API}/instances", wanted, format="json")

    assert answer.status_code == 200, answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("code", ["4%2Fnone", "4%", "https://example.com/?code=4/none", "http://["])
def test_a_wrong_code_is_named(
    api: APIClient, body: Callable[..., dict[str, Any]], code: str
) -> None:
    answer = api.post(f"{API}/instances", body(code=code), format="json")

    assert answer.status_code == 400
    assert "providerData.code" in answer.json()["message"]


@given(code=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_what_is_brought_is_tried_as_it_stands(code: str) -> None:
    """And then as what it encodes, so that each code is found, encoded or not."""
    if not code.startswith(("http://", "https://")):
        assert readings(code)[0] == code
        assert set(readings(code)) == {code, unquote(code)}
    assert code in readings(quote(code, safe=""))
