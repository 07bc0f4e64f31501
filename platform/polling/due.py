"""When a resource is polled next. Times come in, times go out."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import random

from worker.backoff import Backoff

LONGEST_INTERVAL = 2_147_483_647  # seconds, what the column holds; clients park a poller with it
DAY = timedelta(days=1)
OF_A_START = Backoff(timedelta(seconds=10), timedelta(minutes=5), longest_asked=DAY)
OF_PUT_ASIDE = Backoff(timedelta(minutes=1), timedelta(hours=1), longest_asked=DAY)
SPREAD_OF_PUT_OFF = 5.0  # seconds


def after_success(due: datetime, interval: int, now: datetime) -> datetime:
    """The first `due` + k intervals (seconds) after `now`: what was missed is not caught up."""
    if due > now:
        return due
    step = timedelta(seconds=interval)
    return due + ((now - due) // step + 1) * step


def after_failure(
    failures: int,
    interval: int,
    now: datetime,
    *,
    retry_after: float | None = None,
    started: bool = True,
) -> datetime:
    """The next try after `failures` failed polls in a row, 1 or more.

    The interval (seconds) doubles with each up to an hour, or stays when it is longer than that.
    A resource that has not `started` yet is tried again soon, for nothing is noticed before.
    `retry_after` (seconds) is the provider's wish and is honoured up to a day.
    """
    backoff = of_interval(interval) if started else OF_A_START
    return now + backoff.pause(failures, retry_after)


def of_interval(interval: int) -> Backoff:
    """The pauses of a resource that is polled at the interval (seconds)."""
    first = timedelta(seconds=interval)
    return Backoff(first, max(first, timedelta(hours=1)), longest_asked=DAY)


def after_put_aside(attempts: int, now: datetime, *, retry_after: float | None = None) -> datetime:
    """The next fetch of one object after `attempts` that failed, 1 or more."""
    return now + OF_PUT_ASIDE.pause(attempts, retry_after)


def after_put_off(wait: float, now: datetime) -> datetime:
    """When a poll is tried again that has to `wait` (seconds) for units of the provider's quota.

    Spread a little: all that wait for one quota have them at the same moment.
    """
    return now + timedelta(seconds=wait + random() * SPREAD_OF_PUT_OFF)  # noqa: S311 - spreads load


def with_put_aside(due: datetime, put_aside_due: datetime | None, now: datetime) -> datetime:
    """`due`, or earlier when an object that was put aside is to be fetched before."""
    return due if put_aside_due is None else min(due, max(put_aside_due, now))
