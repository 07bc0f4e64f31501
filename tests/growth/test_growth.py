"""What grows faster than its input is found every time, however little it costs at first."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from statistics import median

import pytest

from tests.growth.growth import ALLOWED, Work, excess, is_linear, repeated


def after(overhead: int, work: Work) -> Work:
    """The work after what each call costs anyway, whatever its text."""

    def whole(text: str) -> object:
        sum(range(overhead))
        return work(text)

    return whole


def blanks(text: str) -> object:
    return re.search(r"\s+$", text)


def doubling(text: str) -> object:
    return re.match(r"(a|a)*b", text)


@pytest.mark.parametrize("unit", ["a", " "])
@pytest.mark.parametrize("overhead", [0, 20_000])
@pytest.mark.parametrize("work", [blanks, doubling])
def test_squares_and_powers_are_found(work: Work, overhead: int, unit: str) -> None:
    text_of = partial(repeated, "", unit)
    harmless = (blanks, "a"), (doubling, " ")
    if (work, unit) in harmless:
        assert is_linear(after(overhead, work), lambda length: text_of(length) + "x")
    else:
        text: Callable[[int], str] = lambda length: text_of(length) + "x"  # noqa: E731
        assert median(excess(after(overhead, work), text) for _ in range(5)) > ALLOWED


@pytest.mark.parametrize("overhead", [0, 20_000])
def test_what_is_linear_passes(overhead: int) -> None:
    def work(text: str) -> object:
        return sorted(text), [one for one in text if one.isdigit()]

    assert is_linear(after(overhead, work), partial(repeated, "", "a1"))
