"""Turns are handed out to processes of their own: at once, after a pause, or in another's place."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from worker import turns
from worker.board import Board, Outcome, Slot
from worker.loops import LOOPS, NAMES
from worker.turns import Turns


class Process:
    """A process that never runs, and dies when told to."""

    def __init__(self) -> None:
        self.exitcode: int | None = None
        self.born = time.monotonic()
        self.timer: Any = None

    def is_alive(self) -> bool:
        return self.exitcode is None


@pytest.fixture
def board() -> Board:
    board = Board(NAMES)
    now = time.monotonic()
    for loop in LOOPS:
        board.slot(loop.name, 0).hold(now + 1000, now)
    return board


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> float:
    """What the clock says by which turns are handed out: no time passes."""
    now = time.monotonic()
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: now))
    return now


@pytest.fixture
def handed_out(board: Board) -> Turns:
    made = Turns(board, lambda *_: Process(), 120)
    made.step()
    return made


def at_work(made: Turns) -> set[str]:
    return {str(one.slot) for one in made.workers if one.slot is not None}


def end(slot: Slot, outcome: Outcome, made: Turns) -> None:
    slot.end(outcome)
    made.step()


def test_what_polls_and_delivers_has_processes_of_its_own(handed_out: Turns) -> None:
    assert len(handed_out.workers) == 2 + turns.BESIDE
    assert {"poll loop 1", "deliver loop 1"} <= at_work(handed_out)
    assert len(at_work(handed_out)) == len(handed_out.workers)


def test_the_next_turn_follows_at_once_while_there_is_more(handed_out: Turns, board: Board) -> None:
    end(board.slot("poll", 0), Outcome.MORE, handed_out)
    assert "poll loop 1" in at_work(handed_out)


def test_a_loop_with_nothing_to_do_makes_room_for_the_others(
    handed_out: Turns, board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{loop.name} loop 1" for loop in LOOPS]
    served = at_work(handed_out)
    assert set(names) - served
    for _ in range(2):
        for name in at_work(handed_out) - {"poll loop 1", "deliver loop 1"}:
            end(board.slot(name.removesuffix(" loop 1"), 0), Outcome.IDLE, handed_out)
        served |= at_work(handed_out)
    assert set(names) == served


def test_what_polls_and_delivers_stays_with_its_process(handed_out: Turns, board: Board) -> None:
    """Which holds what its last turn could not store."""
    kept = {str(one.slot): one for one in handed_out.workers}
    for first, second in (("poll", "deliver"), ("deliver", "poll"), ("deliver", "poll")):
        ended = [str(one.slot) for one in handed_out.workers if one.slot is not None]
        for name in ended:
            board.slot(name.removesuffix(" loop 1"), 0).end(Outcome.FAILED)
        handed_out.step()
        assert at_work(handed_out) & set(ended) == set()
        for name in (first, second):
            handed_out._due_at[f"{name} loop 1"] = 0.0
            handed_out.step()
        for name in ("poll loop 1", "deliver loop 1"):
            assert kept[name].slot is board.slot(name.removesuffix(" loop 1"), 0)


def test_a_turn_that_fails_waits_longer_each_time(
    stopped: float, handed_out: Turns, board: Board
) -> None:
    slot = board.slot("poll", 0)
    pauses = []
    for _ in range(6):
        slot.end(Outcome.FAILED)
        handed_out.step()
        assert "poll loop 1" not in at_work(handed_out)
        pauses.append(round(handed_out._due_at[str(slot)] - stopped, 3))
        handed_out._due_at[str(slot)] = 0.0
        handed_out.step()
        assert "poll loop 1" in at_work(handed_out)
    assert pauses == [0.5, 1.0, 2.0, 4.0, turns.MAX_PAUSE, turns.MAX_PAUSE]
    end(slot, Outcome.MORE, handed_out)
    slot.end(Outcome.FAILED)
    handed_out.step()
    assert round(handed_out._due_at[str(slot)] - stopped, 3) == turns.FIRST_PAUSE


def test_a_process_that_dies_is_replaced_and_holds_up_no_other(
    handed_out: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    [dead] = [one for one in handed_out.workers if str(one.slot) == "poll loop 1"]
    others = [one for one in handed_out.workers if one is not dead]
    dead.process.born -= 60
    dead.process.exitcode = -9
    handed_out.step()
    assert dead not in handed_out.workers
    assert all(one in handed_out.workers for one in others)
    assert len(handed_out.workers) == 2 + turns.BESIDE
    handed_out._due_at.clear()
    handed_out.step()
    assert "poll loop 1" in at_work(handed_out)


def test_one_that_dies_at_once_is_not_replaced_a_hundred_times_a_second(
    stopped: float, handed_out: Turns
) -> None:
    [dead] = [one for one in handed_out.workers if str(one.slot) == "poll loop 1"]
    dead.process.born = stopped
    dead.process.exitcode = 1
    for _ in range(10):
        handed_out.step()
    assert len(handed_out.workers) == 1 + turns.BESIDE


def test_loops_that_are_given_back_get_no_more_turns(handed_out: Turns, board: Board) -> None:
    for slot in board.all():
        slot.let_go()
    for one in list(handed_out.workers):
        assert one.slot is not None
        one.slot.end(Outcome.MORE)
    handed_out.step()
    assert at_work(handed_out) == set()
    handed_out._shrink_at = 0.0
    handed_out.step()
    assert handed_out.workers == []


def test_a_process_outlives_a_moment_without_loops_and_gets_its_kind_again(
    handed_out: Turns, board: Board
) -> None:
    """As in an outage, in which hosts deal loops out anew: it holds what it could not store."""
    now = time.monotonic()
    kept = {one.slot.loop: one for one in handed_out.workers if one.slot is not None}
    for slot in list(board.held(now)):
        slot.let_go()
        slot.end(Outcome.FAILED)
    for _ in range(3):
        handed_out.step()
    for name in ("deliver", "poll"):
        board.slot(name, 1).hold(now + 1000, now)
        handed_out.step()
    for name in ("poll", "deliver"):
        assert kept[name].slot is board.slot(name, 1)
