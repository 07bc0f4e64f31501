"""What follows from an attempt: the retry policy, and nothing else. No I/O, no clock.

Rule 1: a retry's time counts from the original failure, 4**k seconds after it for retry k of 9,
so that the last one is tried a little under 73 hours after it.
Rule 2: what fails for the last time turns its subscription off where nothing else has arrived there
meanwhile; where something has, it is this message that is not taken, and it alone is given up.
Rule 3: however late an attempt was made (the receiver hung, we were down), the next one waits at
least as long as the step before was apart, so that lateness never burns through the retries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import FailurePolicy
from events.models import DeliveryStatus

RETRIES = 9
JITTER = 0.05  # of a delay, at most
LONGEST_JITTER = 300.0  # seconds; keeps the ninth retry under 73 hours
LONGEST_RETRY_AFTER = 86_400.0  # seconds that a receiver may put us off for
RETRY_AFTER_STATUSES = frozenset({429, 503})  # RFC 6585 section 4, RFC 9110 section 10.2.3
GONE = 410
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended. `status` is None when no answer came, and `error` says why.

    `sent` is False where that is not the receiver's doing.
    """

    status: int | None
    error: str = ""
    retry_after: float | None = None  # seconds
    excerpt: str = ""
    sent: bool = True

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def down(self) -> bool:
        """Whether it says that the server is away, or has too much to do."""
        if self.status is None:
            return self.sent
        return self.status >= 500 or self.status == TOO_MANY_REQUESTS


@dataclass(frozen=True, slots=True)
class Decision:
    """The delivery's next state. A text in `deactivate` turns the subscription off, and is why.

    With the status FAILED it does so only where nothing recorded since the delivery has arrived;
    the delivery is then queued, as all else that waits.
    """

    status: DeliveryStatus
    failures: int
    first_failed_at: datetime | None
    next_attempt_at: datetime
    deactivate: str = ""


def decide(
    answer: Answer,
    *,
    failures: int,
    first_failed_at: datetime | None,
    policy: str,
    now: datetime,
    jitter: float,
) -> Decision:
    """What follows from `answer`, which came at `now` after so many earlier `failures`.

    `jitter` is a random number from 0 to 1.
    """
    if answer.delivered:
        return Decision(DeliveryStatus.DELIVERED, failures, first_failed_at, now)
    failures += 1
    first_failed_at = first_failed_at or now
    queued = Decision(DeliveryStatus.QUEUED, failures, first_failed_at, now)
    if answer.status == GONE:
        return _deactivating(queued, "the receiver answered 410 Gone")
    if policy == FailurePolicy.QUEUE:
        return queued
    if failures > RETRIES:
        given_up = Decision(DeliveryStatus.FAILED, failures, first_failed_at, now)
        return _deactivating(
            given_up, f"a notification failed {failures} times over three days: {reason(answer)}"
        )
    next_attempt_at = retry_at(failures, first_failed_at, now, jitter)
    if answer.retry_after is not None and answer.status in RETRY_AFTER_STATUSES:
        asked = min(max(answer.retry_after, 0.0), LONGEST_RETRY_AFTER)
        next_attempt_at = max(next_attempt_at, now + timedelta(seconds=asked))
    return Decision(DeliveryStatus.RETRY, failures, first_failed_at, next_attempt_at)


def retry_at(retry: int, first_failed_at: datetime, now: datetime, jitter: float) -> datetime:
    """When retry 1 to 9 is due, after a failure at `now`."""
    delay, apart = delay_of(retry), delay_of(retry - 1)
    late = min(delay * JITTER, LONGEST_JITTER) * jitter
    return max(
        first_failed_at + timedelta(seconds=delay + late),
        now + timedelta(seconds=apart + late),
    )


def delay_of(retry: int) -> float:
    """Return the seconds from the first failure to a retry, 1 to 9."""
    return float(4**retry)


def longest_wait(failures: int) -> timedelta:
    """Return how long the next attempt may be away, at most, after so many failures."""
    if not failures:
        return timedelta(0)
    return timedelta(seconds=max(delay_of(failures) + LONGEST_JITTER, LONGEST_RETRY_AFTER))


def reason(answer: Answer) -> str:
    """The failure in a few words."""
    return f"answered {answer.status}" if answer.status is not None else answer.error


def _deactivating(decision: Decision, why: str) -> Decision:
    return Decision(
        decision.status,
        decision.failures,
        decision.first_failed_at,
        decision.next_attempt_at,
        deactivate=why,
    )
