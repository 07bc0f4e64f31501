"""The Date of an answer, whatever GitHub or a proxy before it has written there."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from integrations.github.api import LAST_TIME, answered_at
from transport.types import Response


def test_the_date_of_an_answer_is_read() -> None:
    headers = {"date": "Sun, 01 Mar 2026 12:00:00 GMT"}
    assert answered_at(Response(200, headers, b"")) == datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "date",
    ["", "now", "Sun, 01 Mar 99999999999999999999 12:00:00 GMT", "Sun, 01 Mar 0 99:00:00 GMT"],
)
def test_a_date_that_cannot_be_read_is_the_last_there_is(date: str) -> None:
    assert answered_at(Response(200, {"date": date}, b"")) == LAST_TIME
