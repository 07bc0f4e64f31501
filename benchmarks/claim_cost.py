"""What the claim of due resources costs while there are few rows, many, and very many.

Each step is what the engine does: claim 200 due rows, then store 200 idle polls, which moves them
an interval ahead. Only the claim is timed. The clock is a parameter, so a step takes no longer
than its work. The sizes take turns, each in a database of its own. Resources fall due in an order
that has nothing to do with where their rows lie.

few due: as many resources fall due between two claims as one claim takes.
churned: the same, after many rows were claimed and stored: dead rows lie about, as in operation.
all due: every resource is overdue, as after a long stop.
organizations: few due among 100,000 rows, of 100, 10,000 and 100,000 organizations.
cold: few due, on a new connection right after a checkpoint: each page that a claim touches is new
    to the server process, and is written to the log whole. It is no part of the flatness, for
    it passes within seconds; its figures stand for themselves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median

from benchmarks import database
from benchmarks.rows import CURSOR, INTERVAL, insert_mailboxes
from benchmarks.rows import ORGANIZATIONS as USUAL_ORGANIZATIONS
from elements.calls import Changes
from polling import claim, idle
from polling.claim import ClaimedResource, DueOrganizations
from polling.poll import Succeeded

SIZES, QUICK_SIZES = (1_000, 100_000, 1_000_000), (1_000, 20_000)
CLAIMED = 200  # rows at once
ROUNDS, STEPS = 6, 20  # rounds over the sizes; claims that each is timed for in a round
CHURNED, QUICK_CHURNED = 100_000, 10_000  # rows claimed and stored before the last measurement
BEFORE_THE_NEXT = timedelta(microseconds=100)  # the resource that falls due after those
START = datetime(2026, 1, 1, tzinfo=UTC)
WARM_UP = 100  # claims before the first that is timed
ORGANIZATIONS, QUICK_ORGANIZATIONS = (100, 10_000, 100_000), (100, 10_000)
SCENARIOS = ("few_due", "churned", "all_due", "cold")  # the last leaves servers cold


@dataclass
class Table:
    """One database with its own clock, and the milliseconds that its claims took."""

    rows: int
    organizations: int = USUAL_ORGANIZATIONS
    now: datetime = START
    claimed: int = 0
    took: dict[str, list[float]] = field(default_factory=dict)
    among: DueOrganizations = field(default_factory=DueOrganizations)

    @property
    def name(self) -> str:
        return f"claim_{self.rows}_of_{self.organizations}"

    def step(self, scenario: str, *, timed: bool) -> None:
        self._advance(scenario)
        began = time.perf_counter()
        resources = claim.claim_due(CLAIMED, self.now, among=self.among)
        took = (time.perf_counter() - began) * 1000
        if len(resources) != CLAIMED:
            raise RuntimeError(f"{len(resources)} rows were claimed where {CLAIMED} are due")
        idle.commit_idle([_idle(resource, self.now) for resource in resources])
        self.claimed += CLAIMED
        if timed:
            self.took.setdefault(scenario, []).append(took)

    def _advance(self, scenario: str) -> None:
        """Sets the clock so that CLAIMED rows are due, or all of them."""
        seconds = INTERVAL * (self.claimed + CLAIMED) / self.rows
        if scenario == "all_due":
            seconds = max(seconds, INTERVAL * (1 + self.claimed // self.rows))
        self.now = START + timedelta(seconds=seconds) - BEFORE_THE_NEXT


def run(*, quick: bool) -> dict[str, float]:
    tables = [Table(count) for count in (QUICK_SIZES if quick else SIZES)]
    _make(tables)
    churn = (QUICK_CHURNED if quick else CHURNED) // CLAIMED
    results: dict[str, float] = {}
    for scenario in SCENARIOS:
        _measure(tables, scenario, rounds=2 if quick else ROUNDS, churn=churn)
        medians = {table.rows: median(table.took[scenario]) for table in tables}
        results |= {f"claim_{scenario}_{count}_ms": took for count, took in medians.items()}
        results[f"claim_flatness_{scenario}"] = max(medians.values()) / min(medians.values())
    for table in tables:
        database.drop(table.name)
    flatness = max(results["claim_flatness_few_due"], results["claim_flatness_all_due"])
    return {
        "claim_flatness": flatness,
        **results,
        **_over_organizations(quick=quick),
        "claim_rows_at_once": CLAIMED,
    }


def _over_organizations(*, quick: bool) -> dict[str, float]:
    numbers = QUICK_ORGANIZATIONS if quick else ORGANIZATIONS
    tables = [Table(numbers[-1], number) for number in numbers]
    _make(tables)
    _measure(tables, "few_due", rounds=2 if quick else ROUNDS, churn=0)
    medians = {table.organizations: median(table.took["few_due"]) for table in tables}
    for table in tables:
        database.drop(table.name)
    return {
        "claim_organizations_flatness": max(medians.values()) / min(medians.values()),
        **{f"claim_{number}_organizations_ms": took for number, took in medians.items()},
    }


def _make(tables: list[Table]) -> None:
    database.checkpoint()
    for table in tables:
        database.fresh(table.name)
        insert_mailboxes(
            table.rows, START, timedelta(seconds=INTERVAL), organizations=table.organizations
        )
        database.vacuum()


def _measure(tables: list[Table], scenario: str, *, rounds: int, churn: int) -> None:
    untimed = {"few_due": WARM_UP, "churned": churn, "cold": 0, "all_due": WARM_UP}[scenario]
    for table in tables:
        database.use(table.name)
        for _ in range(untimed):
            table.step(scenario, timed=False)
    if scenario == "cold":
        database.checkpoint()
        rounds = 1
    for _ in range(rounds):
        for table in tables:
            database.use(table.name)
            if scenario == "cold":
                database.reconnect()
                claim.claim_due(0, table.now)  # connects
            for _ in range(STEPS):
                table.step(scenario, timed=True)


def _idle(resource: ClaimedResource, now: datetime) -> idle.Idle:
    return idle.idle(Succeeded(resource, now, Changes((), CURSOR)), now)
