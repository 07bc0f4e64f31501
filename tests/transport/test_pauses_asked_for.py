"""How long a provider or receiver wants to be left alone, whatever our clock or theirs shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine

from transport.errors import MAX_RETRY_AFTER, ProviderError, asked_pause

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=90)
WORDS = b'{"error": {"code": 429, "message": "User-rate limit exceeded. Retry after %sZ"}}'


def http(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


def said(headers: dict[str, str], body: bytes = b"") -> float | None:
    return ProviderError.of(429, headers, body).retry_after


@pytest.mark.parametrize("ours", [timedelta(0), timedelta(days=-365), timedelta(days=400)], ids=str)
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"retry-after": "90"}, b""),
        ({"retry-after": http(LATER)}, b""),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{LATER.timestamp():.0f}"}, b""),
        ({}, WORDS % LATER.strftime("%Y-%m-%dT%H:%M:%S").encode()),
    ],
    ids=["seconds", "date", "reset", "words"],
)
def test_a_date_is_read_by_the_clock_of_the_answer(
    headers: dict[str, str], body: bytes, ours: timedelta
) -> None:
    with time_machine.travel(NOW + ours, tick=False):
        assert said({**headers, "date": http(NOW)}, body) == 90


def test_without_a_date_of_the_answer_our_clock_counts() -> None:
    with time_machine.travel(NOW, tick=False):
        assert said({"retry-after": http(LATER)}) == 90


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "999999999"},
        {"retry-after": http(NOW + timedelta(days=365))},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "900000000"},
    ],
    ids=str,
)
def test_nobody_is_left_alone_for_longer_than_a_day(headers: dict[str, Any]) -> None:
    assert asked_pause({**headers, "date": http(NOW)}) == MAX_RETRY_AFTER


@pytest.mark.parametrize("value", ["", "soon", "-1", "٣", "1e9", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_what_nobody_can_read_is_no_pause(value: str) -> None:
    assert asked_pause({"retry-after": value}) is None
