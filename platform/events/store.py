"""Stores outcomes together. What PostgreSQL refuses is separated from them, as in polling.store.

Rule 1: one that is refused takes no other with it: a batch that fails is halved until it is alone.
Rule 2: what was delivered stays delivered: it is stored without the receiver's words, which are all
of it that comes from outside. Where that is refused, too, it is a failed attempt, which says why,
is made again after the pause of its retry, and turns nothing off.
Rule 3: where not even that can be stored, it is dropped, and sent again when its lease has run out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from config.given_postgres import trouble
from events.commit import Attempted, Pending, Released, commit
from events.models import DeliveryStatus
from events.outcome import RETRIES, Answer, Decision, retry_at

log = structlog.get_logger()


def store(attempted: Sequence[Attempted], released: Sequence[Released], now: datetime) -> Pending:
    """Store both as `commit` does. Raises the errors of a database that cannot be used now."""
    try:
        return commit(attempted, released, now)
    except Exception as error:
        if trouble.passes(error):
            raise
        if len(attempted) + len(released) == 1:
            return _store_refused(attempted, error, now)
    middle = (len(attempted) + len(released)) // 2
    first = store(attempted[:middle], released[: max(middle - len(attempted), 0)], now)
    second = store(attempted[middle:], released[max(middle - len(attempted), 0) :], now)
    return Pending(first.attempted + second.attempted, first.released + second.released)


def _store_refused(attempted: Sequence[Attempted], error: Exception, now: datetime) -> Pending:
    ids = [one.delivery_id for one in attempted]
    log.error("delivery.not_stored", deliveries=ids, exc_info=error)
    why = f"what it came to could not be stored: {type(error).__name__}"
    for one in attempted:
        for instead in (_without_words(one, why), _failed(one, why, now)):
            try:
                return commit([instead], [], now)
            except Exception as again:
                if trouble.passes(again):
                    raise
        log.error("delivery.dropped", deliveries=ids)
    return Pending([], [])


def _without_words(one: Attempted, why: str) -> Attempted:
    return replace(one, answer=replace(one.answer, error=why, excerpt=""))


def _failed(one: Attempted, why: str, now: datetime) -> Attempted:
    failures = min(one.decision.failures + one.answer.delivered, RETRIES)
    since = one.decision.first_failed_at or now
    due_at = retry_at(failures, since, now, jitter=random.random())  # noqa: S311 - no secret
    return replace(
        one,
        answer=Answer(None, why, sent=False),
        decision=Decision(DeliveryStatus.RETRY, failures, since, due_at),
        word=None,
    )
