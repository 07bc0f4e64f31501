"""What should have run and did not, in words; nothing when all runs.

Each check follows from rows and the time, so it is true whatever has died.
"""

from __future__ import annotations

from datetime import datetime

from config import clock
from encryption import probe
from events import backlog
from instances import grants
from monitoring import sample
from polling import overdue
from worker import leases

LOOP_QUIET_AFTER = 60.0  # seconds

# One account that fails is its owner's to mend; most of an element's at once are the operator's.
MIN_RESOURCES = 10
FAILING_SHARE = 0.5


def faults(now: datetime) -> dict[str, str]:
    """By the name of the check. Raises the database's errors."""
    found: dict[str, str] = {}
    polls = overdue.figures(now)
    if polls.resources:
        found["polling"] = (
            f"{polls.resources} resources should have been polled and were not, "
            f"the oldest {polls.oldest_seconds:.0f} s ago"
        )
    deliveries = backlog.figures(now)
    if deliveries.late:
        found["deliveries"] = (
            f"{deliveries.late} deliveries are due for more than "
            f"{backlog.LATE_AFTER.total_seconds():.0f} s, to receivers that do not fail"
        )
    credentials = grants.figures(now)
    if credentials.late:
        found["refreshes"] = (
            f"{credentials.late} tokens should have been renewed more than "
            f"{grants.LATE_AFTER.total_seconds():.0f} s ago"
        )
    if unopened := probe.sentence(probe.unopened_columns()):
        found["encryption"] = unopened
    if trouble := worker_trouble():
        found["worker"] = trouble
    if clocks := wrong_clocks():
        found["clock"] = clocks
    if failing := failing_polls(now):
        found["failing-polls"] = failing
    return found


def failing_polls(now: datetime) -> str:
    """Say of which elements most resources fail at once; nothing when none does."""
    failing = [
        f"{polled.failing} of {polled.resources} resources of {element}"
        for element, polled in sorted(sample.by_element(now).items())
        if polled.resources >= MIN_RESOURCES and polled.failing >= FAILING_SHARE * polled.resources
    ]
    return f"polls fail for most at once: {', '.join(failing)}" if failing else ""


def worker_trouble() -> str:
    """Say which loops do not run on any host; nothing when all do."""
    hosts = leases.alive()
    if not hosts:
        return (
            f"no worker was heard of in the last {leases.ALIVE:.0f} s: "
            "run python manage.py qcluster"
        )
    said = [f"{host.name}: {host.trouble}" for host in hosts if host.trouble]
    said += [
        f"no host runs the {loop} loop" if age is None else f"no {loop} loop worked for {age:.0f} s"
        for loop, age in leases.at_rest().items()
        if age is None or age > LOOP_QUIET_AFTER
    ]
    return "; ".join(said)


def wrong_clocks() -> str:
    """Say which hosts' clocks differ from PostgreSQL's, this one's among them."""
    said = [
        f"the clock of {host.name} is {host.clock_wrong} PostgreSQL's"
        for host in leases.alive()
        if host.clock_wrong
    ]
    if clock.differs():
        said.append(clock.difference())
    return "; ".join(said)
