"""What to do after an attempt: the one place where that is decided, for both runners.

No I/O here. Only GET and HEAD are repeated, for they change nothing (RFC 9110 section 9.2.2).
"""

from __future__ import annotations

import random

import structlog

from transport.errors import ProviderError, ProviderUnreachable
from transport.limits import Limits
from transport.types import Outcome, Response

REPEATABLE = frozenset({"GET", "HEAD"})

log = structlog.get_logger(__name__)


def pause_before_retry(
    method: str, outcome: Outcome, attempt: int, elapsed: float, limits: Limits
) -> float | None:
    """Seconds to wait before another attempt; None when the outcome is final.

    `attempt` counts from 1; `elapsed` is in seconds since the first attempt began.
    """
    if method not in REPEATABLE or attempt >= limits.attempts or not is_passing(outcome):
        return None
    asked = _asked(outcome)
    backoff = limits.first_pause * float(2 ** (attempt - 1))
    pause = max(asked or 0.0, backoff * random.uniform(0.5, 1.0))  # noqa: S311 — no secret
    if pause > limits.longest_pause or elapsed + pause > limits.retry_within:
        return None
    log.debug(
        "request retried",
        method=method,
        attempt=attempt,
        pause=round(pause, 3),
        status=outcome.status if isinstance(outcome, Response) else None,
    )
    return pause


def _asked(outcome: Outcome) -> float | None:
    """Seconds that the provider wants to be left alone, by its headers or its body."""
    if not isinstance(outcome, Response):
        return None
    return ProviderError.of(outcome.status, outcome.headers, outcome.body).retry_after


def is_passing(outcome: Outcome) -> bool:
    """Whether the failure may be over soon: rate limits, 5xx, no answer."""
    if not isinstance(outcome, Response):
        return isinstance(outcome, ProviderUnreachable)
    if outcome.status == 429 or outcome.status >= 500:
        return True
    return refusal(outcome) is not None


def refusal(outcome: Outcome) -> ProviderError | None:
    """What the provider says of its quota, when that is used up."""
    if not isinstance(outcome, Response) or outcome.status not in (400, 403, 429):
        return None
    error = ProviderError.of(outcome.status, outcome.headers, outcome.body)
    return error if error.is_rate_limit else None
