"""A day at 95 % of the budget: everything is polled, and the provider refuses nothing.

The provider counts as the sandbox does; all calls and all limits are one in some hundreds.
"""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from integrations.gmail.sandbox.errors import ApiError
from integrations.gmail.sandbox.quota import Quota as Provider
from integrations.gmail.units import GENERATIONS, quota_of
from quota.bucket import FLIGHT
from quota.purse import Payer, Purse
from transport.types import Quota

from .conftest import START, World

PROCESSES = 3
MAILBOXES = 12
UNITS = GENERATIONS["2026-05"].costs
HISTORY, MESSAGE = UNITS["history.list"], UNITS["messages.get"]
DAY = 48  # half hours
MINUTES = 6
BUDGET = 0.95


@dataclass
class Poll:
    """A poll that is due, and how many messages it has still to read."""

    mailbox: int
    messages: int
    listed: bool = False


class Simulation:
    def __init__(self, world: World, quota: Quota) -> None:
        self.world, self.quota = world, quota
        self.provider = Provider(
            enforced=True,
            refusal=429,
            per_user_per_minute=quota.account.minute,
            per_project_per_minute=quota.project.minute,
            per_project_per_day=quota.project.day,
        )
        self.purses = [world.purse() for _ in range(PROCESSES)]
        self.dice = random.Random(7)  # noqa: S311 - traffic, no secrets
        self.asked = 0
        self.calls: list[tuple[float, str, str]] = []

    def go_on(self, due: list[Poll]) -> list[Poll]:
        """Polls, each in one of the processes; what there were no units for."""
        return [poll for poll in due if not self._poll(poll, self.dice.choice(self.purses))]

    def _poll(self, poll: Poll, purse: Purse) -> bool:
        if not poll.listed:
            poll.listed = self._ask(purse, poll.mailbox, "history.list", HISTORY, HISTORY)
        while poll.listed and poll.messages:
            if not self._ask(purse, poll.mailbox, "messages.get", MESSAGE, poll.messages * MESSAGE):
                return False
            poll.messages -= 1
        return poll.listed

    def _ask(self, purse: Purse, mailbox: int, method: str, units: int, ahead: int) -> bool:
        who = Payer(self.quota, "project", f"account {mailbox}", polls=True)
        wait = purse.take(who, units)
        if wait is None:
            wait = purse.draw(who, units, ahead)
        if wait:
            return False
        self.asked += units
        arrives = START + timedelta(seconds=self.world.seconds + self.dice.random() * FLIGHT)
        self.calls.append((arrives.timestamp(), method, str(mailbox)))
        return True

    @property
    def refused(self) -> int:
        """What the provider says to all calls, as they came in."""
        for moment, method, mailbox in sorted(self.calls):
            with suppress(ApiError):
                self.provider.charge(method, mailbox, "client", moment)
        return self.provider.refused


def test_a_day_at_95_percent_of_its_units_is_refused_nothing(world: World) -> None:
    messages = [1] * (DAY * MAILBOXES // 4)
    offered = DAY * MAILBOXES * HISTORY + len(messages) * MESSAGE
    limits = {
        "GMAIL_UNITS_PER_PROJECT_MINUTE": "480",
        "GMAIL_UNITS_PER_PROJECT_DAY": str(round(offered / BUDGET)),
    }
    simulation = Simulation(world, quota_of(GENERATIONS["2026-05"], limits))
    midnight = (24 - 9.5 - 16) * 3600 + 86_400  # from START to the next one in California
    waiting: list[Poll] = []
    arriving = [0] * (DAY * MAILBOXES)
    for _ in messages:
        arriving[simulation.dice.randrange(len(arriving))] += 1
    for half_hour in range(DAY):
        due = [Poll(n, arriving[half_hour * MAILBOXES + n]) for n in range(MAILBOXES)]
        for second in (simulation.dice.choice((0, 20, 56, 58)), 75, 140):
            world.at(midnight + half_hour * 1800 + second)
            due = simulation.go_on(waiting + due)
            waiting = []
        waiting = due
    assert simulation.refused == 0
    assert waiting == []
    assert simulation.asked == offered


def test_minutes_at_95_percent_of_their_units_are_refused_nothing(world: World) -> None:
    limits = {
        "GMAIL_UNITS_PER_PROJECT_MINUTE": "2000",
        "GMAIL_UNITS_PER_USER_MINUTE": "1000",
    }
    simulation = Simulation(world, quota_of(GENERATIONS["2025-11"], limits))
    waiting: list[Poll] = []
    offered = 0
    for minute in range(MINUTES):
        for second in (3, 17, 31, 45, 55, 58.5):
            world.at(minute * 60 + second)
            messages = simulation.dice.choice((14, 15, 16))
            due = [Poll(n, 0) for n in range(8)] + [Poll(simulation.dice.randrange(8), messages)]
            offered += HISTORY * len(due) + MESSAGE * messages
            waiting = simulation.go_on(waiting + due)
    assert offered / MINUTES == pytest.approx(BUDGET * 2000, rel=0.03)
    assert simulation.refused == 0
    assert simulation.asked > 0.95 * offered  # nobody is put off for good
