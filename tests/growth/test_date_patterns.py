"""A customer's pattern never makes reading a date take more than its length."""

from __future__ import annotations

from datetime import UTC

import pytest

from elements.date_letters import LETTERS
from elements.date_pattern import LONGEST_PATTERN, LONGEST_TEXT, pattern_of
from tests.growth.growth import is_linear

ONE_OF_EACH = dict.fromkeys(LETTERS, "1") | {
    "MMM": "may", "MMMM": "may", "E": "sun", "a": "am", "X": "Z", "Z": "GMT+1", "z": "PST",
}  # fmt: skip


@pytest.mark.parametrize("between", ["1", "11", "-", " ", "''", "'+1'", "'T'", "'am'"])
@pytest.mark.parametrize("letters", ONE_OF_EACH)
def test_a_pattern_that_nearly_fits(letters: str, between: str) -> None:
    unit = letters + between
    written = ONE_OF_EACH[letters] + between.replace("''", "\N{APOSTROPHE}").strip("'")

    def pattern(length: int) -> str:
        return unit * min(length, (LONGEST_PATTERN - 5) // len(unit)) + "yyyy#"

    def read(text: str) -> object:
        found = pattern_of(text)
        return [found.read(piece * LONGEST_TEXT, UTC) for piece in (written, "1")]

    assert is_linear(read, pattern)
