"""Whatever a provider sent, an answer is JSON in UTF-8."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest

from api.renderers import JSONRenderer


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize(
    ("data", "read_back"),
    [
        ({"a": [float("nan"), 1.5]}, {"a": [None, 1.5]}),
        ([{"a": {"b": float("inf")}}, (float("-inf"),)], [{"a": {"b": None}}, [None]]),
        ({"a": "half \ud800 of a pair"}, {"a": "half \ud800 of a pair"}),
        ({"a": "é \0 \u2028"}, {"a": "é \0 \u2028"}),
        ({"a": 10**1000}, {"a": 10**1000}),
    ],
)
def test_every_value_is_written_as_json(data: Any, read_back: Any) -> None:
    written = JSONRenderer().render(data)

    assert json.loads(written.decode("utf-8"), parse_constant=refuse) == read_back
