"""A body is JSON that can be stored, or the answer says why not: never a 500."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from api.errors import BadRequest
from api.parsers import DEEPEST, MAX_VALUES, parse_json
from tests.api.conftest import API

pytestmark = pytest.mark.django_db

storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**50), 10**50)
    | storable
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda below: st.lists(below) | st.dictionaries(storable, below),
)


@given(values)
def test_every_storable_value_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary())
@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused(api: APIClient, raw: bytes) -> None:
    response = api.post(f"{API}/named", raw, content_type="application/json")
    assert response.status_code in {200, 400}
    assert response["Content-Type"] == "application/json;charset=UTF-8"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "the body is not JSON: Expecting property name"),
        (b"{'a': 1}", "the body is not JSON"),
        (b'{"a": "\xff"}', "the body is not UTF-8, at byte 7"),
        ('{"a": "é"}'.encode("utf-16"), "the body is not UTF-8"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": [{"b": "x\\u0000y"}]}', "a[0].b contains a NUL character"),
        (b'{"a\\u0000": 1}', "a key in the body contains a NUL character"),
        (b'{"a": "\\ud800"}', "a contains half of a surrogate pair"),
        (b"[" * 100_000, "nested deeper than"),
        (b"[" + b"{}," * MAX_VALUES + b"{}]", "the body has more than 100000 values"),
        (b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2), "nested deeper than"),
        (b'{"a": 1} {"b": 2}', "Extra data"),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as raised:
        parse_json(raw)
    assert message in raised.value.message


def test_a_whole_surrogate_pair_and_a_byte_order_mark_are_fine() -> None:
    assert parse_json(b'\xef\xbb\xbf"\\ud83d\\ude00"') == "😀"


def test_a_body_beyond_the_limit_is_413(api: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    fits, beyond = json.dumps("x" * 98), json.dumps("x" * 99)
    for raw, status in ((fits, 200), (beyond, 413)):
        response = api.generic("POST", f"{API}/echo", raw, content_type="application/json")
        assert response.status_code == status
    assert response.json()["message"] == "the body is larger than 100 bytes"


@pytest.mark.parametrize(
    ("charset", "status"), [("utf-8", 200), ('"UTF-8"', 200), ("latin1", 415), ("utf-16", 415)]
)
def test_only_utf8_is_read(api: APIClient, charset: str, status: int) -> None:
    response = api.generic(
        "POST", f"{API}/echo", '{"a": 1}', content_type=f"application/json; charset={charset}"
    )
    assert response.status_code == status


@pytest.mark.parametrize("raw", ["[]", "1", "null", '"text"', "true", ""])
def test_a_body_that_is_no_object_is_a_400_where_one_is_needed(api: APIClient, raw: str) -> None:
    response = api.post(f"{API}/named", raw, content_type="application/json")
    assert response.status_code == 400


def test_what_was_sent_comes_back_byte_for_byte(api: APIClient) -> None:
    sent = '{"a":"é\u2028😀","b":[1,2.5,null,true]}'.encode()
    response = api.post(f"{API}/echo", sent, content_type="application/json")
    assert response.content == sent
