"""What follows from an attempt."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.models import DeliveryStatus
from events.outcome import Answer, Decision, decide

FIRST = datetime(2026, 3, 1, 12, tzinfo=UTC)
DELAYS = [4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144]  # seconds, as documented


def after(
    answer: Answer,
    failures: int = 0,
    now: datetime = FIRST,
    policy: str = "retry",
    jitter: float = 0.0,
) -> Decision:
    return decide(
        answer,
        failures=failures,
        first_failed_at=FIRST if failures else None,
        policy=policy,
        now=now,
        jitter=jitter,
    )


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert after(Answer(status)).status == DeliveryStatus.DELIVERED


@pytest.mark.parametrize("answer", [Answer(None, "no answer"), Answer(199), Answer(300)])
def test_all_else_is_tried_again(answer: Answer) -> None:
    decision = after(answer)

    assert decision.status == DeliveryStatus.RETRY
    assert (decision.failures, decision.first_failed_at) == (1, FIRST)


@pytest.mark.parametrize(("failures", "delay"), list(enumerate(DELAYS)))
def test_retries_count_from_the_original_failure(failures: int, delay: int) -> None:
    earlier = DELAYS[failures - 1] if failures else 0
    decision = after(Answer(500), failures, now=FIRST + timedelta(seconds=earlier))

    assert decision.next_attempt_at == FIRST + timedelta(seconds=delay)


@given(st.integers(0, 8), st.floats(0, 1), st.floats(0, 15))
def test_jitter_keeps_the_documented_times(failures: int, jitter: float, hung: float) -> None:
    earlier = DELAYS[failures - 1] * (1 + 0.05 * jitter) if failures else 0.0
    took = hung if failures > 1 else 0.0  # seconds that the last attempt took to fail

    decision = after(
        Answer(500), failures, FIRST + timedelta(seconds=earlier + took), jitter=jitter
    )

    waited = (decision.next_attempt_at - FIRST).total_seconds()
    delay = DELAYS[failures]
    assert delay <= waited <= delay + min(delay * 0.05, 300) + 0.001
    assert waited < 73 * 3_600


@given(st.integers(1, 8), st.floats(0, 10**7))
def test_lateness_never_burns_through_the_retries(failures: int, late: float) -> None:
    now = FIRST + timedelta(seconds=late)

    wait = (after(Answer(500), failures, now).next_attempt_at - now).total_seconds()

    assert wait >= 4**failures - 0.001


def test_the_tenth_failure_gives_up_and_deactivates() -> None:
    assert after(Answer(500), failures=8).status == DeliveryStatus.RETRY

    decision = after(Answer(500), failures=9)

    assert decision.status == DeliveryStatus.FAILED
    assert "failed 10 times" in decision.deactivate
    assert "answered 500" in decision.deactivate


@pytest.mark.parametrize("policy", ["retry", "queue"])
def test_410_deactivates_at_once(policy: str) -> None:
    decision = after(Answer(410), policy=policy)

    assert decision.status == DeliveryStatus.QUEUED
    assert "410" in decision.deactivate


def test_the_queue_policy_never_retries_nor_deactivates() -> None:
    decision = after(Answer(500), policy="queue")

    assert (decision.status, decision.deactivate) == (DeliveryStatus.QUEUED, "")


@pytest.mark.parametrize(
    ("status", "retry_after", "seconds"),
    [
        (429, 100.0, 100.0),
        (503, 100.0, 100.0),
        (429, 1.0, 4.0),  # earlier than the retry anyway
        (429, 10.0**9, 86_400.0),  # no more than a day
        (429, -5.0, 4.0),
        (500, 100.0, 4.0),  # means nothing there
    ],
)
def test_retry_after(status: int, retry_after: float, seconds: float) -> None:
    decision = after(Answer(status, retry_after=retry_after))

    assert decision.next_attempt_at == FIRST + timedelta(seconds=seconds)
