"""The keeper: the one process of a host that asks the database for the others.

It holds this host's leases on loops, says that the host is there, keeps the schedules in place and
queues what they say. The sentinel never asks the database, so that one that hangs cannot keep it
from replacing a process that died.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django import db
from django.db import connection
from django_q.scheduler import scheduler

from config import clock
from config.given_postgres import trouble
from worker import leases, loops, schedules
from worker.board import Board
from worker.broker import DatabaseBroker

TEND_EVERY = 5.0  # seconds between two looks at the leases
SCHEDULE_EVERY = 15.0  # seconds between two looks at the schedules
KEEP_SCHEDULES_EVERY = 300.0  # seconds between two looks whether they are all there
LOOK_EVERY = 0.1  # seconds between two looks whether to stop
MARGIN = 5.0  # seconds before its lease ends that a host lets go of a loop
NOT_WORKING = 30.0  # seconds without work after which a loop is said not to work

log = structlog.get_logger()


class Keeper:
    """`name` is this host's; `processes` says how many processes it has."""

    def __init__(self, board: Board, name: str, processes: Callable[[], int]) -> None:
        self._board = board
        self._name = name
        self._processes = processes

    def run(self) -> None:
        """Keep this host's loops and the schedules until the process is told to stop."""
        jobs = (
            Job(self.tend, TEND_EVERY),
            Job(schedules.keep_schedules, KEEP_SCHEDULES_EVERY),
            Job(self._schedule, SCHEDULE_EVERY),
        )
        while not loops.stopping():
            for job in jobs:
                self._board.keeper_looked()
                job.run_when_due()
            time.sleep(LOOK_EVERY)
        try:
            leases.leave(self._name)
        except db.Error as error:  # the leases end by themselves
            log.warning("worker.leases_not_returned", error=str(error).strip())

    def tend(self) -> None:
        """Renew, take and give back leases, and write down what the turns have noted."""
        began = time.monotonic()
        ahead = clock.measure()
        held = leases.tend(
            self._name,
            self._processes(),
            clock_offset=round(ahead, 3),
            trouble=self._trouble(began),
            worked={
                (slot.loop, slot.slot): began - slot.worked_at
                for slot in self._board.held(began)
                if slot.worked_at
            },
        )
        for slot in self._board.all():
            if (slot.loop, slot.slot) in held:
                slot.hold(began + leases.LEASE - MARGIN, began)
            else:
                slot.let_go()
        self._board.tended()
        trouble.tell_end()

    def _trouble(self, now: float) -> str:
        """Say which of the loops that this host holds do not work, for people."""
        return "; ".join(
            f"{slot} has not worked for {quiet:.0f} s"
            for slot in self._board.held(now)
            if (quiet := slot.not_working_for(now)) > NOT_WORKING
        )

    def _schedule(self) -> None:
        """Queue what is due by its schedule."""
        if time.monotonic() - self._board.tended_at > 2 * TEND_EVERY:
            return  # the database is away, and scheduler() would write a traceback each time
        scheduler(broker=DatabaseBroker())


class Job:
    """Something that is done again and again; what fails is tried again at the next look."""

    def __init__(self, do: Callable[[], object], every: float) -> None:
        self._do = do
        self._every = every
        self._due_at = 0.0

    def run_when_due(self) -> None:
        if time.monotonic() < self._due_at:
            return
        try:
            self._do()
            self._due_at = time.monotonic() + self._every
        except db.Error as error:
            connection.close()
            self._due_at = time.monotonic() + TEND_EVERY
            trouble.tell("worker.not_kept", error)
