"""An answer that has no list fails the poll, whatever it says: it is no empty list, by which
everything would be told as deleted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elements import run
from elements.calls import Call, Page
from elements.types import Operation
from tests.elements.polled import Json
from transport.errors import MalformedAnswer, ProviderError
from transport.types import Response

LISTING = Operation("GET", "/items", "/items", listing=True, root_key="data.items")
LEAVES_OUT = replace(LISTING, empty_when_absent=True)
FAILURES: tuple[Any, ...] = (
    {"status": "error", "message": "the store is closed"},
    {"status": "fail", "data": {"size": "too small"}},
    {"status": "Failed"},
    {"code": 500, "msg": "internal error"},
    {"code": "503"},
    {"code": "0503"},
    {"code": 503.0},
    {"code": "9" * 5_000},
    {"fault": {"faultstring": "too many calls"}},
    {"Error": {"Code": "ThrottlingException"}},
    {"errorCode": "REQUEST_LIMIT_EXCEEDED"},
    {"errcode": 40001, "errmsg": "invalid credential"},
    {"error_code": 17},
    {"data": None, "status": 503},
    {"statusCode": 429, "message": "too many calls, wait"},
    {"error": "busy"},
    {"errors": [{"message": "no"}]},
    {"ok": False},
    {"success": False},
)
EMPTY: tuple[Any, ...] = (
    {}, {"data": {}}, {"data": None}, {"data": {"items": None}}, {"message": "nothing here"},
    {"errors": [], "error": None, "ok": True, "success": True, "errcode": 0},
    {"status": 200, "code": "200"}, {"status": "ok"}, {"status": 200.0, "code": "0" * 5_000},
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def shown(answer: Any) -> str:
    return json.dumps(answer)[:80]


def page(listing: Operation, answer: Any, *, status: int = 200, token: str = "") -> Page:
    steps = run.list_steps(listing, Call({}, page_token=token))
    next(steps)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    with pytest.raises(StopIteration) as done:
        steps.send(Response(status, {}, body))
    found: Page = done.value.value
    return found


@pytest.mark.parametrize("answer", [*FAILURES, *EMPTY], ids=shown)
def test_an_answer_without_its_list_is_no_empty_one(answer: Any) -> None:
    with pytest.raises(MalformedAnswer, match=r"no list at data\.items"):
        page(LISTING, answer)


@given(json_values)
def test_whatever_the_answer_is_only_a_list_is_one(answer: Any) -> None:
    steps = run.list_steps(LISTING, Call({}))
    next(steps)
    with pytest.raises(MalformedAnswer):
        steps.send(Response(200, {}, json.dumps(answer).encode()))


@pytest.mark.parametrize("answer", EMPTY, ids=shown)
def test_where_an_empty_list_is_left_out_an_answer_without_it_is_empty(answer: Any) -> None:
    assert page(LEAVES_OUT, answer).records == []


@pytest.mark.parametrize("answer", [*FAILURES, [], "no", 7], ids=shown)
def test_where_an_empty_list_is_left_out_a_failure_still_is_none(answer: Any) -> None:
    with pytest.raises(MalformedAnswer):
        page(LEAVES_OUT, answer)


@pytest.mark.parametrize("failure", [one for one in FAILURES if "data" not in one], ids=shown)
def test_an_empty_list_beside_a_failure_is_none(failure: Json) -> None:
    with pytest.raises(MalformedAnswer, match="says that it failed"):
        page(LISTING, {**failure, "data": {"items": []}})
    assert len(page(LISTING, {**failure, "data": {"items": [{"id": 1}]}}).records) == 1


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("body", [b"", b" \r\n"])
def test_no_body_at_all_is_an_empty_list(status: int, body: bytes) -> None:
    assert page(LISTING, body, status=status) == Page([])


def test_errors_that_say_that_there_is_nothing_are_declared() -> None:
    disabled = replace(LISTING, empty_statuses=(410,))
    body = {"message": "Issues has been disabled in this repository."}
    assert page(disabled, body, status=410) == Page([])
    for listing, status, token in ((LISTING, 410, ""), (disabled, 409, ""), (disabled, 410, "x")):
        with pytest.raises(ProviderError, match=str(status)):
            page(listing, body, status=status, token=token)


def test_the_message_says_what_the_answer_has_and_what_would_be_right() -> None:
    with pytest.raises(MalformedAnswer) as refused:
        page(LISTING, {"status": "error", "\0" + "x" * 999: 1})
    text = str(refused.value)
    assert '"status"' in text
    assert "declare emptyWhenAbsent" in text
    assert "\0" not in text
    assert len(text) < 400
