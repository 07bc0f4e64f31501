"""Retry-After, RFC 9110 section 10.2.3: read as it is meant, and never longer than counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from transport.errors import MAX_RETRY_AFTER, retry_after_seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("1.5", 1.5),
        ("3600.0", 3_600.0),
        ("999999999", MAX_RETRY_AFTER),
        ("9999999999", MAX_RETRY_AFTER),
        ("9" * 400, MAX_RETRY_AFTER),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("Fri, 31 Dec 99999 23:59:59 GMT", MAX_RETRY_AFTER),
    ],
)
@time_machine.travel("2026-03-01T12:00:00Z", tick=False)
def test_seconds_and_dates(value: str, seconds: float) -> None:
    assert retry_after_seconds({"retry-after": value}) == seconds


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1e9", "0x10", "12 apples", "inf"])
def test_what_is_neither(value: str | None) -> None:
    assert retry_after_seconds({} if value is None else {"retry-after": value}) is None


@given(
    st.integers(0, 10**9),
    st.sampled_from(["", ".", ".0", ".5"]),
    st.sampled_from(["", " ", "\t"]),
    st.sampled_from(["", "0", "000"]),
)
def test_each_way_to_write_seconds_says_the_same(
    seconds: int, fraction: str, blank: str, zeros: str
) -> None:
    value = f"{blank}{zeros}{seconds}{fraction}{blank}"
    read = retry_after_seconds({"retry-after": value})
    assert read == min(seconds + (fraction == ".5") * 0.5, MAX_RETRY_AFTER)


@given(
    st.integers(-1_000_000, 1_000_000),
    st.sampled_from(["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                     "%a, %d %b %Y %H:%M:%S +0000"]),
)  # fmt: skip
def test_each_form_of_a_date_counts_from_the_date_of_the_answer(seconds: int, form: str) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    headers = {
        "retry-after": (now + timedelta(seconds=seconds)).strftime(form),
        "date": now.strftime(form),
    }
    assert retry_after_seconds(headers) == min(max(0.0, float(seconds)), MAX_RETRY_AFTER)


@given(st.text(max_size=40))
def test_any_text_can_be_counted_with(value: str) -> None:
    seconds = retry_after_seconds({"retry-after": value})

    assert seconds is None or 0.0 <= seconds <= MAX_RETRY_AFTER
