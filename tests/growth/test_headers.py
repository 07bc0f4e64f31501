"""Headers from outside are read in time that grows with their length."""

from __future__ import annotations

from functools import partial

import pytest

from tests.growth.growth import is_linear, repeated
from transport.headers import links_of
from transport.types import Response


@pytest.mark.parametrize("beginning", ["", "<a>", '<a>;b="', "x"])
@pytest.mark.parametrize(
    "unit",
    [",", "<", "<a", "<a>", "<a>,", ">", ";", ";a", ";a=", ';a="', ';a="b"', "<a>;rel=next,", '"',
     '\\"', "\\", " ", " ;", "=", "<a>; ", "x,"],
)  # fmt: skip
def test_reading_links(beginning: str, unit: str) -> None:
    assert is_linear(lambda text: list(links_of(text)), partial(repeated, beginning, unit))


@pytest.mark.parametrize("unit", ["a=1&", "&", "=", "%", "%41", "+", ";", "/"])
def test_reading_the_query_of_the_next_page(unit: str) -> None:
    def read(text: str) -> object:
        return Response(200, {"link": f"<?{text}>; rel=next"}, b"").next_query

    assert is_linear(read, partial(repeated, "", unit))
