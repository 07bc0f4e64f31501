"""Values of a body are read as their type, or the answer names the field and what is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import BadRequest
from api.fields import flag, integer, json_object, mapping, text, texts

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
)
Reader = Callable[..., Any]


@pytest.mark.parametrize("reader", [text, flag, integer, mapping, texts])
@given(value=anything)
def test_whatever_stands_there_is_read_or_named(reader: Reader, value: Any) -> None:
    refusal = "body.field"
    try:
        reader({"field": value}, "field", at="body")
    except BadRequest as error:
        refusal = error.message
    assert refusal.startswith("body.field")


@pytest.mark.parametrize(
    ("reader", "value", "result"),
    [
        (text, " name ", "name"),
        (text, None, ""),
        (flag, "TRUE", True),
        (flag, False, False),
        (flag, "false", False),
        (flag, None, False),
        (integer, "15", 15),
        (integer, 15.0, 15),
        (integer, "", None),
        (mapping, {"a": 1}, {"a": 1}),
        (mapping, None, {}),
        (texts, ["a", " b "], ["a", "b"]),
        (texts, [], []),
        (texts, None, None),
    ],
)
def test_values_and_their_string_forms_are_read(reader: Reader, value: Any, result: Any) -> None:
    assert reader({"field": value}, "field") == result
    assert reader({} if value is None else {"field": value}, "field") == result


@pytest.mark.parametrize(
    ("reader", "value", "message"),
    [
        (text, 5, "field must be a string, not a number"),
        (text, "x" * 1001, "field has 1001 characters; 1000 are allowed"),
        (text, "a\0b", "field contains a NUL character"),
        (flag, "yes", 'field must be true or false, not "yes"'),
        (flag, 1, "field must be true or false, not 1"),
        (integer, -1, f"field must be a whole number from 0 to {2**63 - 1}, not -1"),
        (integer, "1.5", "field must be a whole number"),
        (integer, True, "field must be a whole number"),
        (integer, 10**40, "field must be a whole number"),
        (integer, "٣", "field must be a whole number"),
        (mapping, [], "field must be a JSON object, not a list"),
        (texts, "a", "field must be a list of strings, not a string"),
        (texts, ["a", None], "field[1] must be a string, not null"),
        (texts, ["a", 2], "field[1] must be a string, not a number"),
        (texts, ["a"] * 101, "field has 101 entries; 100 are allowed"),
    ],
)
def test_what_is_wrong_is_named(reader: Reader, value: Any, message: str) -> None:
    with pytest.raises(BadRequest) as raised:
        reader({"field": value}, "field")
    assert raised.value.message.startswith(message)


def test_a_required_field_may_be_neither_absent_nor_blank() -> None:
    for body in ({}, {"name": None}, {"name": " "}):
        with pytest.raises(BadRequest, match=r"^name is missing$"):
            text(body, "name", required=True)
    with pytest.raises(BadRequest, match=r"^element is missing"):
        mapping({}, "element", required=True)


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadRequest, match="the body must be a JSON object, not a list"):
        json_object([])
