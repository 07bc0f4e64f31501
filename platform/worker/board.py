"""What the processes of one host tell each other about its loops, in memory that they share.

Rule 1: a field is one number with one writer, and no lock: a process that is killed at any
instruction leaves nothing held and nothing half written.
Rule 2: times are on time.monotonic(), which all processes of a host share; 0 is never.
Rule 3: nothing here is the truth. A board that is lost with its sentinel costs a turn that is
begun again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import IntEnum
from multiprocessing.sharedctypes import RawArray

MAX_SLOTS = 64  # loops of one kind over all hosts


class Outcome(IntEnum):
    """How a turn ended."""

    MORE = 1  # there is more to do: the next turn begins at once
    IDLE = 2  # nothing is due: the next turn begins a little later
    FAILED = 3


class Field(IntEnum):
    HELD_UNTIL = 0  # written by the keeper; 0: not this host's
    HELD_SINCE = 1  # by the keeper
    WORKED_AT = 2  # by the turn
    ENDED_AT = 3  # by the turn
    OUTCOME = 4  # by the turn, before ENDED_AT


class Slot:
    """One loop's fields."""

    def __init__(self, numbers: list[float], start: int, loop: str, slot: int) -> None:
        self._numbers = numbers
        self._start = start
        self.loop = loop
        self.slot = slot

    def __str__(self) -> str:
        return f"{self.loop} loop {self.slot + 1}"

    def _read(self, field: Field) -> float:
        return self._numbers[self._start + field]

    def _write(self, field: Field, value: float) -> None:
        self._numbers[self._start + field] = value

    # --- The keeper's ----------------------------------------------------------------------------

    def hold(self, until: float, now: float) -> None:
        """Note that this host holds the loop until then."""
        if not self.is_held(now):
            self._write(Field.HELD_SINCE, now)
        self._write(Field.HELD_UNTIL, until)

    def let_go(self) -> None:
        self._write(Field.HELD_UNTIL, 0.0)

    def is_held(self, now: float) -> bool:
        return self._read(Field.HELD_UNTIL) > now

    def not_working_for(self, now: float) -> float:
        """Return for how many seconds the loop has been held without any work being seen."""
        return now - max(self._read(Field.HELD_SINCE), self._read(Field.WORKED_AT))

    @property
    def worked_at(self) -> float:
        return self._read(Field.WORKED_AT)

    # --- The turn's ------------------------------------------------------------------------------

    def worked(self) -> None:
        """Note that the database has just answered what this loop asked."""
        self._write(Field.WORKED_AT, time.monotonic())

    def end(self, outcome: Outcome) -> None:
        if outcome is not Outcome.FAILED:
            self.worked()
        self._write(Field.OUTCOME, outcome)
        self._write(Field.ENDED_AT, time.monotonic())

    # --- The sentinel's --------------------------------------------------------------------------

    def ended_since(self, began: float) -> Outcome | None:
        """Return how the turn ended that was handed out at `began`; None while it goes on."""
        if self._read(Field.ENDED_AT) < began:
            return None
        return Outcome(int(self._read(Field.OUTCOME)))


class Board:
    """All loops of one host. `loops` are the names of all kinds, in one order everywhere."""

    def __init__(self, loops: tuple[str, ...]) -> None:
        size = len(Field)
        numbers = RawArray("d", 2 + len(loops) * MAX_SLOTS * size)
        self._numbers: list[float] = numbers
        self._slots = {
            (loop, slot): Slot(self._numbers, 2 + (kind * MAX_SLOTS + slot) * size, loop, slot)
            for kind, loop in enumerate(loops)
            for slot in range(MAX_SLOTS)
        }

    def slot(self, loop: str, slot: int) -> Slot:
        return self._slots[loop, slot]

    def held(self, now: float) -> Iterator[Slot]:
        return (slot for slot in self._slots.values() if slot.is_held(now))

    def all(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    @property
    def tended_at(self) -> float:
        """When the keeper last reached the database."""
        return self._numbers[0]

    def tended(self) -> None:
        self._numbers[0] = time.monotonic()

    @property
    def keeper_looked_at(self) -> float:
        """When the keeper last came round, whether or not the database answered."""
        return self._numbers[1]

    def keeper_looked(self) -> None:
        self._numbers[1] = time.monotonic()
