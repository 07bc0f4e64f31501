"""The body of any record is read as its fields declare, or refused by the field's name."""

from __future__ import annotations

import random
from typing import Any

import pytest

from elements.calls import Call
from elements.errors import ParameterError
from elements.types import Field
from integrations.gmail import record_body
from integrations.gmail.element import ELEMENT
from transport.types import Request

FIELDS = (
    Field("id", read_only=True),
    Field("name", required=True),
    Field("count", "integer"),
    Field("on", "boolean"),
    Field("tags", "array"),
    Field("look", "object"),
    Field("look.shade"),
    Field("look.deep", "object"),
    Field("look.deep.size", "integer"),
)
CHOICES = {"look.shade": ("dark", "light")}
WHOLE = {
    "id": 7,
    "name": "x",
    "count": "12",
    "on": "TRUE",
    "tags": ["a"],
    "look": {"shade": "dark", "deep": {"size": 3.0}},
}


def test_a_whole_record_is_read_without_what_is_read_only() -> None:
    assert record_body.read(WHOLE, FIELDS, CHOICES) == {
        "name": "x",
        "count": 12,
        "on": True,
        "tags": ["a"],
        "look": {"shade": "dark", "deep": {"size": 3}},
    }


def test_a_part_of_a_record_keeps_what_is_taken_away() -> None:
    given = {"count": None, "id": None, "look": {"shade": None}}
    assert record_body.read(given, FIELDS, CHOICES, partial=True) == {
        "count": None,
        "look": {"shade": None},
    }
    assert record_body.read({"name": "x", **given}, FIELDS, CHOICES) == {"name": "x", "look": {}}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": 5}, "name"),
        ({"name": "\0"}, "name"),
        ({"name": "x" * 200_000}, "name"),
        ({"count": 2**63}, "count"),
        ({"count": True}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": "9" * 5_000}, "count"),
        ({"on": 1}, "on"),
        ({"tags": "a"}, "tags"),
        ({"tags": ["a", 5]}, "tags[1]"),
        ({"tags": [""]}, "tags[0]"),
        ({"look": []}, "look"),
        ({"look": {"shade": "grey"}}, "look.shade"),
        ({"look": {"shade": []}}, "look.shade"),
        ({"look": {"deep": {"size": {}}}}, "look.deep.size"),
        ({"look": {"deep": {"more": 1}}}, "look.deep.more"),
        ({"more": 1}, "more"),
    ],
)
def test_a_field_of_another_type_is_refused_by_its_name(change: Any, named: str) -> None:
    with pytest.raises(ParameterError) as caught:
        record_body.read({**WHOLE, **change}, FIELDS, CHOICES)
    assert caught.value.path == named


def test_any_body_of_any_operation_becomes_a_request_or_a_refusal() -> None:
    dice = random.Random(5)  # noqa: S311 no secret
    values: list[Any] = [
        None, 0, -1, 1.5, 1e400, True, "", "x", "true", "12", "\ud800", "\0", [], ["x"], [None],
        {}, {"x": {}}, {"from": 5}, {"addLabelIds": ["STARRED"]}, "9" * 30, [[]], float("nan"),
    ]  # fmt: skip
    asked = refused = 0
    for resource in ELEMENT.resources:
        for operation in resource.operations:
            if not operation.takes_body or operation.steps is None:
                continue
            names = [one.name.partition(".")[0] for one in operation.parameters] + ["more"]
            for _ in range(150):
                body: Any = {
                    name: dice.choice(values) for name in dice.sample(names, dice.randint(0, 2))
                }
                body = dice.choice([body, body, body, body, dice.choice(values)])
                call = Call(path={"id": "18c"}, body=body)
                try:
                    step = next(operation.steps(call))
                except ParameterError:
                    refused += 1
                    continue
                assert isinstance(step, Request)
                asked += 1
    assert asked > 100
    assert refused > 100
