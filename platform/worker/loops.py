"""The loops: what the worker does all the time, and one turn of one of them.

A loop claims due rows of one kind and works on them. Its turn is a task of some seconds, so that a
worker process can be stopped or recycled at any time; worker.turns hands out the next one.

Rule: a turn carries no work, only "look for work". Losing one or running two changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from config import log_rate
from config.given_postgres import trouble
from config.given_postgres.unavailable import outage_of
from worker.board import MAX_SLOTS, Board, Outcome, Slot

BUDGET = 20.0  # seconds that one turn works

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Loop:
    """One kind of loop.

    `turn` is the dotted path of a function that takes a deadline on time.monotonic(), works until
    then or until `stopping()`, and answers False when nothing is due. `setting` names the setting
    that says how many of it run over all hosts; where that is None, each live host runs one.
    `continuous` loops wait for what falls due within their turn, and have a process for themselves.
    """

    name: str
    turn: str
    setting: str | None = None
    continuous: bool = False

    def count(self, hosts: int) -> int:
        """Return how many run over all hosts, when `hosts` are alive."""
        if self.setting is None:
            return 1
        number = getattr(settings, self.setting)
        return min(hosts if number is None else int(number), MAX_SLOTS)


LOOPS = (
    Loop("poll", "polling.tasks.poll_until", "POLL_LOOPS", continuous=True),
    Loop("deliver", "events.tasks.deliver_until", "DELIVERY_LOOPS", continuous=True),
    Loop("bulk", "bulk.tasks.run_until", "BULK_LOOPS"),
    Loop("refresh", "instances.tasks.refresh_until"),
    Loop("watch", "watching.tasks.keep_until"),
    Loop("cleanup", "instances.tasks.clean_until"),
    Loop("bulk-actions", "administration.errands.run_until"),
)
NAMES = tuple(loop.name for loop in LOOPS)
BY_NAME = {loop.name: loop for loop in LOOPS}

# Not a threading.Event: set() takes a lock, and a second signal that comes just then would have
# this process wait for itself.
_stop_requested = False
_board: Board | None = None
_current: Slot | None = None


def stop() -> None:
    """Ask this process's turn to end soon: to start nothing more and give back what it holds."""
    global _stop_requested
    _stop_requested = True


def stopping() -> bool:
    """Return whether this process has been asked to stop. A turn looks at it often."""
    return _stop_requested


def worked() -> None:
    """Note that the database has just answered what this process's turn asked."""
    if _current is not None:
        _current.worked()


def share(board: Board) -> None:
    """Make the board known to this process and those that it forks."""
    global _board
    _board = board


def take_turn(name: str, slot: int) -> None:
    """Work for one loop for BUDGET seconds, or less when nothing is due.

    What fails is logged and noted, and never raised: the loop's next turn tries again.
    """
    global _current
    noted = (_board or Board(NAMES)).slot(name, slot)
    turn: Callable[[float], Any] = import_string(BY_NAME[name].turn)
    _current = noted
    outcome = Outcome.FAILED
    try:
        goes_on = turn(time.monotonic() + BUDGET)
        outcome = Outcome.IDLE if goes_on is False else Outcome.MORE
    except Exception as error:  # noqa: BLE001 - one turn must not end the loop
        _note_failure(name, error)
    finally:
        _current = None
        noted.end(outcome)


def _note_failure(name: str, error: Exception) -> None:
    if outage_of(error) is not None:
        connection.close()
        trouble.tell("loop.failed", error)
    elif log_rate.first_in_a_minute(f"loop {name} {type(error)}"):
        log.error("loop.failed", loop=name, exc_info=error)
