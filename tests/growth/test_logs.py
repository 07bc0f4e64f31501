"""What anyone can have written to the log costs time in proportion to its length, no more."""

from __future__ import annotations

import json

import pytest

from config import logs
from tests.growth.growth import is_linear


@pytest.mark.parametrize(
    "unit",
    ["a.", "a", "_", "token", "token.", "token=", "code=", "bearer ", "a-", "=", "'", "A1", "é."],
)
def test_redacting_a_path(unit: str) -> None:
    def redact(text: str) -> object:
        return logs.redact(None, "warning", {"event": f"Not Found: /{text}"})

    assert is_linear(redact, lambda length: unit * (length // len(unit) + 1))


def test_a_value_is_shown_by_its_two_ends() -> None:
    text = "begins" + "x" * 1_000_000 + "ends"
    written = logs.redact(None, "warning", {"event": text, "below": [{"deeper": text}]})
    assert len(json.dumps(written)) < 2 * logs.MAX_TEXT + 500
    assert str(written["event"]).startswith("beginsx")
    assert str(written["event"]).endswith("xends")
    assert "980010 characters left out" in str(written["event"])


def test_a_secret_is_not_cut_before_it_is_recognized() -> None:
    text = "x" * (logs.MAX_TEXT // 2 - 10) + " Bearer " + "hunter2" * 2_000
    assert "hunter2" not in str(logs.redact(None, "warning", {"event": text}))
