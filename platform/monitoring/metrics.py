"""The figures for Prometheus: gauges from the rows at this moment, and counters of all processes.

All of it is in the database, so it is the same from every web process, and right where no worker
is alive.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from counters import counting
from counters.totals import Totals
from encryption import probe
from events import backlog
from instances import grants
from monitoring import database, queues, sample
from polling import overdue
from worker import leases


def exposition(now: datetime) -> bytes:
    """Return all figures in Prometheus' text format. Raises the database's errors."""
    counting.store_or_say()  # a database that is read only still has what was counted before
    registry = CollectorRegistry()
    registry.register(_Rows(now))
    registry.register(Totals())
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
        for group in GROUPS:
            yield from group(self._now)


def _polls(now: datetime) -> Iterator[GaugeMetricFamily]:
    polls = overdue.figures(now)
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
    counted = _labelled(
        "polling_recent_resources",
        f"Resources that were polled in the last {sample.WINDOW_MINUTES} minutes or that fail",
        "element",
    )
    failing = _labelled("polling_failing_resources", "Those whose last poll failed", "element")
    for element, polled in sample.by_element(now).items():
        counted.add_metric([element], polled.resources)
        failing.add_metric([element], polled.failing)
    yield counted
    yield failing


def _deliveries(now: datetime) -> Iterator[GaugeMetricFamily]:
    deliveries = backlog.figures(now)
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


def _accounts(now: datetime) -> Iterator[GaugeMetricFamily]:
    accounts = grants.figures(now)
    yield _gauge("grants_lost", "Accounts that must be connected again", accounts.lost)
    yield _gauge("grants_expiring", "Accounts whose grant ends soon", accounts.expiring)
    yield _gauge("refreshes_late", "Tokens whose renewal is overdue", accounts.late)


def _encryption(now: datetime) -> Iterator[GaugeMetricFamily]:
    yield _gauge(
        "encrypted_columns_unopened",
        "Columns with a secret that PERIODIC_ENCRYPTION_KEYS does not open",
        len(probe.unopened_columns()),
    )


def _queues(now: datetime) -> Iterator[GaugeMetricFamily]:
    due = _labelled("queue_due", "Rows that a worker could take at this moment", "queue")
    for queue, length in queues.lengths(now).items():
        due.add_metric([queue], length)
    yield due


def _database(now: datetime) -> Iterator[GaugeMetricFamily]:
    figures = database.figures()
    yield _gauge("database_size_bytes", "What the database takes on the disk", figures.size)
    yield _gauge(
        "database_oldest_transaction_seconds",
        "Age of the oldest open transaction",
        figures.oldest_transaction,
    )
    yield _gauge(
        "database_connections", "Connections to the database, all hosts", figures.connections
    )
    yield _gauge(
        "database_max_connections",
        "Connections that the server allows, for all its databases",
        figures.max_connections,
    )
    dead = _labelled("database_dead_rows", "Rows that wait for vacuum, estimated", "table")
    live = _labelled("database_live_rows", "Rows, estimated", "table")
    for table in figures.tables:
        dead.add_metric([table.name], table.dead)
        live.add_metric([table.name], table.live)
    yield dead
    yield live


def _worker(now: datetime) -> Iterator[GaugeMetricFamily]:
    hosts = leases.alive()
    yield _gauge("worker_hosts", "Hosts that run the worker and were heard of", len(hosts))
    held = _labelled("worker_loops", "Loops that a host runs now", "loop")
    running = Counter(loop.rpartition(" ")[0] for host in hosts for loop in host.loops)
    quiet = _labelled(
        "worker_loop_quiet_seconds",
        "Seconds since a loop of this kind last worked on any host; +Inf when none ever did",
        "loop",
    )
    for loop, age in leases.at_rest().items():
        held.add_metric([loop], running[loop])
        quiet.add_metric([loop], math.inf if age is None else age)
    yield held
    yield quiet
    offset = _labelled(
        "worker_clock_offset_seconds",
        "Seconds that a host's clock is ahead of PostgreSQL's",
        "host",
    )
    for host in hosts:
        offset.add_metric([host.name], host.clock_offset)
    yield offset


def _database_up(up: int) -> GaugeMetricFamily:
    return _gauge("database_up", "Whether the database answers; 0 leaves out all other figures", up)


GROUPS: tuple[Callable[[datetime], Iterator[GaugeMetricFamily]], ...] = (
    _polls,
    _deliveries,
    _accounts,
    _encryption,
    _queues,
    _database,
    _worker,
)


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"periodic_{name}", says, value=value)


def _labelled(name: str, says: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"periodic_{name}", says, labels=[label])
