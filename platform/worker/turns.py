"""Hands the turns of this host's loops out to worker processes.

Each loop worker is django-q2's worker with a queue of its own, so that one that is killed while it
waits there holds up no other. A turn is a task like any other, but it comes from here and not from
the queue in the database: nothing but this process can lose, hoard or delay it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from multiprocessing import SimpleQueue, Value
from typing import Any

import structlog
from django_q.worker import worker

from worker.board import Board, Outcome, Slot
from worker.loops import BY_NAME

IDLE_PAUSE = 1.0  # seconds until a loop that had nothing to do looks again
FIRST_PAUSE = 0.5  # seconds after a turn that failed; twice as long after each further one
MAX_PAUSE = 5.0  # seconds
BESIDE = 2  # processes for the loops that rest while nothing is due
KEPT_FREE = 120.0  # seconds that a process too many is kept
LIVED = 2.0  # seconds; what ended sooner is not replaced before that
QUIET = 45.0  # seconds without work after which the log says so, once a minute
SAY_EVERY = 60.0  # seconds

log = structlog.get_logger()
Spawn = Callable[..., Any]


class _NoResults:
    """In place of the queue that takes results: a turn's is on the board."""

    def put(self, task: Any) -> None:
        pass


def loop_worker(queue: Any, timer: Any, timeout: int) -> None:
    """Be a worker process that takes turns."""
    worker(queue, _NoResults(), timer, timeout)


class LoopWorker:
    """A worker process, and the turn that it takes."""

    def __init__(self, spawn: Spawn, timeout: int) -> None:
        self.queue: SimpleQueue[Any] = SimpleQueue()
        timer = Value("f", -1)
        self.process = spawn(loop_worker, self.queue, timer, timeout)
        self.process.timer = timer
        self.slot: Slot | None = None
        self.last: Slot | None = None  # whose turn it took last
        self.began = 0.0

    def take(self, slot: Slot) -> None:
        self.slot = self.last = slot
        self.began = time.monotonic()
        self.queue.put(
            {
                "id": f"{slot}",
                "name": f"{slot}",
                "func": "worker.loops.take_turn",
                "args": (slot.loop, slot.slot),
                "kwargs": {},
            }
        )

    def end(self) -> None:
        """Have the process end once it has no turn."""
        self.queue.put("STOP")


class Turns:
    """The loop workers of one host. `spawn` starts a process."""

    def __init__(self, board: Board, spawn: Spawn, timeout: int) -> None:
        self._board = board
        self._spawn = spawn
        self._timeout = timeout
        self.workers: list[LoopWorker] = []
        self._due_at: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._said_at = 0.0
        self._spawn_at = 0.0
        self._shrink_at = 0.0

    def step(self) -> None:
        """Look which turns have ended or died, and hand out those that are due."""
        now = time.monotonic()
        self._collect(now)
        held = list(self._board.held(now))
        taken = {str(one.slot) for one in self.workers if one.slot is not None}
        due = [
            slot
            for slot in held
            if str(slot) not in taken and self._due_at.get(str(slot), 0.0) <= now
        ]
        self._fit(held)
        self._hand_out(due)
        self._say(held, now)

    def _hand_out(self, due: list[Slot]) -> None:
        """What polls and delivers finds a process free, however much the others have to do. It is
        the one that took its last turn, which holds what that could not store."""
        free = [one for one in self.workers if one.slot is None]
        resting = sum(one.slot is not None and not _continuous(one.slot) for one in self.workers)
        for slot in sorted(due, key=_continuous, reverse=True):
            if not free or (not _continuous(slot) and resting >= BESIDE):
                return
            resting += not _continuous(slot)
            one = min(free, key=partial(_strangeness, slot))
            free.remove(one)
            one.take(slot)

    def _collect(self, now: float) -> None:
        for one in list(self.workers):
            alive = one.process.is_alive()
            if one.slot is not None:
                outcome = one.slot.ended_since(one.began)
                if outcome is None and not alive:
                    log.warning("loop.worker_died", loop=str(one.slot), exit=one.process.exitcode)
                    outcome = Outcome.FAILED
                if outcome is not None:
                    self._ended(str(one.slot), outcome, now)
                    one.slot = None
            if not alive:
                self.workers.remove(one)
                if now - one.process.born < LIVED:
                    self._spawn_at = now + LIVED

    def _ended(self, slot: str, outcome: Outcome, now: float) -> None:
        if outcome is not Outcome.FAILED:
            self._failures.pop(slot, None)
            self._due_at[slot] = now + (IDLE_PAUSE if outcome is Outcome.IDLE else 0.0)
            return
        failures = self._failures.get(slot, 0)
        self._failures[slot] = failures + 1
        self._due_at[slot] = now + min(FIRST_PAUSE * 2**failures, MAX_PAUSE)

    def _fit(self, held: list[Slot]) -> None:
        """Have as many processes as the loops need: a dead one is replaced by this, too."""
        continuous = sum(map(_continuous, held))
        number = continuous + (BESIDE if len(held) > continuous else 0)
        while len(self.workers) < number and time.monotonic() >= self._spawn_at:
            self.workers.append(LoopWorker(self._spawn, self._timeout))
        # Hosts deal loops out anew while a database takes no writes, and again when it does: what
        # a process could not store meanwhile must not end with it.
        now = time.monotonic()
        if len(self.workers) <= number:
            self._shrink_at = now + KEPT_FREE
        if now < self._shrink_at:
            return
        for one in [one for one in self.workers if one.slot is None][: len(self.workers) - number]:
            one.end()
            self.workers.remove(one)

    def _say(self, held: list[Slot], now: float) -> None:
        quiet = {
            str(slot): round(seconds)
            for slot in held
            if (seconds := slot.not_working_for(now)) > QUIET
        }
        if quiet and now - self._said_at >= SAY_EVERY:
            self._said_at = now
            log.error("worker.loops_not_working", seconds=quiet)


def _strangeness(slot: Slot, worker: LoopWorker) -> int:
    if worker.last is None:
        return 1
    return 0 if worker.last.loop == slot.loop else 2 + _continuous(worker.last)


def _continuous(slot: Slot) -> bool:
    return BY_NAME[slot.loop].continuous
