"""The figures for Prometheus, read from the rows when somebody asks for them.

No process counts anything for it, so they are the same from every web process, and right where
no worker is alive.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from events import backlog
from instances import grants
from polling import overdue
from worker import leases


def exposition(now: datetime) -> bytes:
    """In Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Rows(now))
    return generate_latest(registry)


def without_database() -> bytes:
    """What is known where the database cannot be asked, in the same format."""
    registry = CollectorRegistry()
    registry.register(_Away())
    return generate_latest(registry)


class _Away(Collector):
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _database_up(0)


class _Rows(Collector):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield _database_up(1)
        polls = overdue.figures(self._now)
        yield _gauge(
            "polling_overdue_resources",
            "Resources not polled for two intervals and the grace",
            polls.resources,
        )
        yield _gauge(
            "polling_oldest_overdue_seconds",
            "Seconds since the oldest overdue resource was due",
            polls.oldest_seconds,
        )
        deliveries = backlog.figures(self._now)
        yield _gauge("deliveries_due", "Deliveries to be tried now", deliveries.due)
        yield _gauge("deliveries_waiting", "Deliveries that wait for a retry", deliveries.waiting)
        yield _gauge(
            "deliveries_oldest_due_seconds",
            "Seconds since the oldest due delivery fell due",
            deliveries.oldest_seconds,
        )
        yield _gauge(
            "deliveries_late",
            "Deliveries due for five minutes to receivers that do not fail",
            deliveries.late,
        )
        yield _gauge(
            "subscriptions_failing", "Subscriptions whose last attempt failed", deliveries.failing
        )
        yield _gauge(
            "subscriptions_deactivated",
            "Subscriptions that are off: what is found for them is queued",
            deliveries.deactivated,
        )
        accounts = grants.figures(self._now)
        yield _gauge("grants_lost", "Accounts that must be connected again", accounts.lost)
        yield _gauge("grants_expiring", "Accounts whose grant ends soon", accounts.expiring)
        yield _gauge("refreshes_late", "Tokens whose renewal is overdue", accounts.late)
        yield from _of_the_worker()


def _of_the_worker() -> Iterator[GaugeMetricFamily]:
    hosts = leases.alive()
    yield _gauge("worker_hosts", "Hosts that run the worker and were heard of", len(hosts))
    held = GaugeMetricFamily("periodic_worker_loops", "Loops that a host runs now", labels=["loop"])
    running = Counter(loop.rpartition(" ")[0] for host in hosts for loop in host.loops)
    quiet = GaugeMetricFamily(
        "periodic_worker_loop_quiet_seconds",
        "Seconds since a loop of this kind last worked on any host; +Inf when none ever did",
        labels=["loop"],
    )
    for loop, age in leases.at_rest().items():
        held.add_metric([loop], running[loop])
        quiet.add_metric([loop], math.inf if age is None else age)
    yield held
    yield quiet
    offset = GaugeMetricFamily(
        "periodic_worker_clock_offset_seconds",
        "Seconds that a host's clock is ahead of PostgreSQL's",
        labels=["host"],
    )
    for host in hosts:
        offset.add_metric([host.name], host.clock_offset)
    yield offset


def _database_up(up: int) -> GaugeMetricFamily:
    return _gauge("database_up", "Whether the database answers; 0 leaves out all other figures", up)


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"periodic_{name}", says, value=value)
