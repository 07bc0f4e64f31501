"""The proof: mailboxes to which much happens, workers that are killed, and what came of it.

It goes on in rounds. In each something happens in the mailboxes, the clocks of sandbox and
workers move on by more than a lease, and workers run until nothing is due, or until they are
killed. At the end all is well again, and unharmed workers finish. Then the verdict is given.

The dice decide what happens, which faults are ordered, and who is to be killed where. How several
workers get in each other's way, they don't.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from events.models import Delivery, DeliveryStatus, Endpoint, Subscription
from events.subscription import reactivate, send_queued
from integrations.gmail.sandbox.control_client import SandboxControl
from polling.models import PollingResource, PutAsideObject
from quota.models import QuotaBucket
from tests.proof import verdict
from tests.proof.customer import Customer
from tests.proof.kills import Kills
from tests.proof.ledger import Ledger
from tests.proof.trouble import Trouble
from tests.proof.verdict import Verdict
from tests.proof.worker import DELIVERIES, POLLS, Ending, Order, Workers

ROUND = (61.0, 75.0)  # seconds by which the clocks move on: a lease lasts 60
SETTLING_ROUND = 700.0  # seconds
MOST_SETTLING_ROUNDS = 80
SMALL_JUMP, LARGE_JUMP = 90.0, 2_900.0  # seconds; a recovery looks back an hour more than needed
LATEST_KILL = 1.5  # seconds
TELL_EVERY = 20  # rounds
GIVEN_BACK = "RELEASE"  # how the names of the statements end that give rows back
# Statements that are waited for before any worker has come by them.
BROUGHT_UP: Mapping[str, tuple[str, ...]] = {
    POLLS: ("polling.idle.PUT_OFF", "quota.bucket.BEGIN", "quota.bucket.CLOSE"),
    DELIVERIES: (
        "events.breaker.TAKE_PROBES",
        "events.claim.PROBE",
        "events.commit.DEACTIVATE",
        "events.commit.RELEASE",
        "events.order.GO_ON",
    ),
}
OF_LOST_DATABASE = {"COMMIT of instances.credential._store_later"}
OF_PROBES = {"events.breaker.TAKE_PROBES", "events.claim.PROBE"}
MOST_ROUNDS_DOWN = 5


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done. `acts` are things that happen in a round, `at_once` workers of a task."""

    changes: int
    acts: int
    at_once: int
    kills: int = 0  # before and after each statement, at least, unless it is a rare one


@dataclass
class Proof:
    """Everything that takes part. `dice` are those of the workers; `restart`, if given, does
    something to the database and says what; `database` are the settings of their connections."""

    size: Size
    dice: random.Random
    ledger: Ledger
    control: SandboxControl
    customer: Customer
    trouble: Trouble
    database: Mapping[str, object]
    environment: Mapping[str, str]
    restart: Callable[[], str] | None = None
    clock: float = 0.0  # seconds ahead
    rounds: int = 0
    kills: dict[str, Kills] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def run(self) -> Verdict:
        began = time.monotonic()
        watched_from = {address: int(head) for address, head in self.ledger.heads().items()}
        self.kills = {
            task: Kills(self.dice, self.size.kills, dict.fromkeys(rare))
            for task, rare in BROUGHT_UP.items()
        }
        with ExitStack() as stack:
            workers = {
                task: [self._workers(stack) for _ in range(self.size.at_once)]
                for task in self.kills
            }
            while self._goes_on():
                self._round(workers)
                if self.rounds % TELL_EVERY == 0:
                    self._tell()
            self._settle(workers)
        ordered = {box.address for box in self.trouble.mailboxes if box.ordered}
        found = verdict.judge(self.ledger, self.customer, watched_from, self.trouble.past, ordered)
        found.untrue += self.faults
        self.seconds = time.monotonic() - began
        return found

    def _workers(self, stack: ExitStack) -> Workers:
        workers = Workers(dict(self.database), dict(self.environment))
        stack.callback(workers.close)
        return workers

    def _goes_on(self) -> bool:
        return self.ledger.changes() < self.size.changes or any(
            one.open for one in self.kills.values()
        )

    def _tell(self) -> None:
        open_ = sum(one.open for one in self.kills.values())
        places = sum(len(one.places) for one in self.kills.values())
        sys.stderr.write(
            f"round {self.rounds}: {self.ledger.changes():,} changes,"
            f" {open_} of {places} places at which to kill are still to do\n"
        )

    # --- A round ---------------------------------------------------------------------------------

    def _round(self, workers: Mapping[str, Sequence[Workers]]) -> None:
        self.rounds += 1
        self._move_clocks(self.dice.uniform(*ROUND))
        meanwhile = self.size.acts // 2 if self.size.at_once > 1 else 0
        self._act(self.size.acts - meanwhile)
        orders = [(one, self._order(task)) for task, several in workers.items() for one in several]
        statements = {order.statement for _, order in orders}
        if statements & OF_PROBES:
            later = self._open_breakers(workers)
            orders = [(one, replace(order, clock=order.clock + later)) for one, order in orders]
        self.trouble.order_faults()
        for statement in statements:
            self.trouble.bring_up(statement)
            self.customer.bring_up(statement)
        if self.size.at_once == 1:
            for one, order in orders:
                self._note(order, one.run(order))
        else:
            for one, order in orders:
                one.start(order)
            self._act(meanwhile)
            if self.restart is not None and (
                self.dice.random() < 0.1 or statements & OF_LOST_DATABASE
            ):
                self.restarts[self.restart()] += 1
            for one, order in orders:
                self._note(order, one.wait())
        connection.close()  # the database may have been restarted
        self.trouble.clear_faults()
        self._turn_on()

    def _move_clocks(self, seconds: float) -> None:
        """What a refusal has closed opens by PostgreSQL's clock, which nobody can move: the end of
        that is moved instead."""
        self.clock += seconds
        self.control.advance_clock(seconds)
        nearer = F("closed_until") - timedelta(seconds=seconds)
        QuotaBucket.objects.filter(closed_until__isnull=False).update(closed_until=nearer)

    def _open_breakers(self, workers: Mapping[str, Sequence[Workers]]) -> float:
        """The receiver is down until breakers are open and their pauses over; for how long."""
        began = self.clock
        self.customer.down = True
        for _ in range(MOST_ROUNDS_DOWN):
            for task, several in workers.items():
                self._note(Order(task), several[0].run(Order(task, clock=self.clock)))
            self._move_clocks(self.dice.uniform(*ROUND))
            if Endpoint.objects.filter(open_until__isnull=False).exists():
                break
            self._act(self.size.acts)
        self.customer.down = False
        return self.clock - began

    def _act(self, times: int) -> None:
        for _ in range(times):
            self.trouble.go_on()

    def _order(self, task: str) -> Order:
        """Most workers die at a statement, some anywhere, some are told to stop, few live."""
        order = self._with_clock(Order(task, clock=self.clock))
        way = self.dice.random()
        if way < 0.85 and (place := self.kills[task].next()) is not None:
            statement, moment, occurrence = place
            # What is given back by who is told to stop has a statement of its own.
            if statement.endswith(GIVEN_BACK) or self.dice.random() < 0.1:
                order = replace(order, stopped_after=self.dice.uniform(0.05, LATEST_KILL))
            return replace(order, statement=statement, moment=moment, time=occurrence)
        if way < 0.9:
            return replace(order, killed_after=self.dice.uniform(0.02, LATEST_KILL))
        if way < 0.96:
            return replace(order, stopped_after=self.dice.uniform(0.05, LATEST_KILL))
        return order

    def _with_clock(self, order: Order) -> Order:
        """Some workers' clocks are wrong from the start, others jump while they work."""
        way = self.dice.random()
        if way < 0.01:
            self.endings["clocks wrong by up to 48 minutes"] += 1
            return replace(order, clock=order.clock + self.dice.uniform(-LARGE_JUMP, LARGE_JUMP))
        if way < 0.2:
            self.endings["clocks that jumped"] += 1
            jump = self.dice.uniform(-SMALL_JUMP, SMALL_JUMP)
            return replace(order, jump=jump, jump_at=self.dice.randint(2, 20))
        return order

    def _note(self, order: Order, ending: Ending) -> None:
        kills = self.kills[order.task]
        kills.met(ending.statements)
        if ending.fault:
            self.faults.append(f"a worker failed: {ending.fault}")
        if order.statement:
            kills.ordered((order.statement, order.moment), killed=ending.killed)
        if ending.killed:
            self.endings["killed at a statement" if order.statement else "killed anywhere"] += 1
        elif ending.database_lost:
            self.endings["ended for the database was away"] += 1
        elif order.stopped_after:
            self.endings["told to stop"] += 1
        else:
            self.endings["finished"] += 1

    def _turn_on(self) -> None:
        """What a customer does whose subscription was deactivated, for an answer of 410."""
        for subscription in Subscription.objects.filter(active=False):
            reactivate(subscription.pk)
            send_queued(subscription.pk, timezone.now())
            self.endings["subscriptions turned on again"] += 1

    # --- The end ---------------------------------------------------------------------------------

    def _settle(self, workers: Mapping[str, Sequence[Workers]]) -> None:
        """Nothing fails any more; workers run until there is nothing left for them."""
        self.trouble.heal_all()
        self.customer.failing = False
        for _ in range(MOST_SETTLING_ROUNDS):
            self._move_clocks(SETTLING_ROUND)
            for task, several in workers.items():
                self._note(Order(task), several[0].run(Order(task, clock=self.clock)))
            if self._settled():
                return
        sys.stderr.write("the workers have not come to an end\n")

    def _settled(self) -> bool:
        heads = self.ledger.heads()
        return not (
            PutAsideObject.objects.exists()
            or Delivery.objects.exclude(status=DeliveryStatus.DELIVERED).exists()
            or any(
                resource.cursor != heads[resource.instance.name]
                for resource in PollingResource.objects.select_related("instance")
            )
        )
