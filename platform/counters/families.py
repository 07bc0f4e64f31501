"""Every counter and histogram that Periodic keeps; docs/monitoring.md describes each.

Labels have few values: one sample is stored for each combination, and for each bucket of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """A counter, or with `buckets` (upper bounds in seconds) a histogram, as Prometheus has them.

    A histogram's name ends in its unit; a counter's samples are its name and `_total`.
    """

    name: str
    says: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


DELAYS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # seconds
AGES = (1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400)  # seconds
ANSWERS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)  # seconds

POLLS = Family("periodic_polls", "Polls that have ended", ("element", "outcome"))
POLL_DELAY = Family(
    "periodic_poll_delay_seconds", "From the time a poll is due to its start", buckets=DELAYS
)
ATTEMPTS = Family(
    "periodic_delivery_attempts",
    "Attempts to deliver, by the class of the receiver's status",
    ("status",),
)
DELIVERY_DELAY = Family(
    "periodic_delivery_delay_seconds",
    "From the time a delivery is due to its first attempt, where its receiver does not fail",
    buckets=DELAYS,
)
EVENT_AGE = Family(
    "periodic_event_age_seconds",
    "From the time an event is recorded to its delivery",
    buckets=AGES,
)
REQUESTS = Family(
    "periodic_requests",
    "Requests that were answered, by the class of the status",
    ("part", "status"),
)
REQUEST_DURATION = Family(
    "periodic_request_duration_seconds",
    "From the time a request is read to its answer",
    ("part",),
    buckets=ANSWERS,
)
FAMILIES = (
    POLLS,
    POLL_DELAY,
    ATTEMPTS,
    DELIVERY_DELAY,
    EVENT_AGE,
    REQUESTS,
    REQUEST_DURATION,
)
