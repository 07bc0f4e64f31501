"""One turn of a loop: it has a deadline, says how it ended, and never ends the loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.utils.module_loading import import_string
from structlog.testing import capture_logs

from worker import loops
from worker.board import Board, Outcome, Slot
from worker.loops import LOOPS, NAMES, Loop, take_turn


@pytest.fixture
def board(nothing_said: None, monkeypatch: pytest.MonkeyPatch) -> Board:
    board = Board(NAMES)
    monkeypatch.setattr(loops, "_board", board)
    return board


@pytest.fixture
def turn_is(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[float], Any]], None]:
    def set_to(turn: Callable[[float], Any]) -> None:
        monkeypatch.setattr(loops, "import_string", lambda path: turn)

    return set_to


def outcome(slot: Slot) -> Outcome | None:
    return slot.ended_since(0.1)


def test_every_turn_exists() -> None:
    for loop in LOOPS:
        assert callable(import_string(loop.turn)), loop.turn


@pytest.mark.parametrize(
    ("answer", "ended"), [(None, Outcome.MORE), (True, Outcome.MORE), (False, Outcome.IDLE)]
)
def test_a_turn_gets_a_deadline_and_says_how_it_ended(
    board: Board, turn_is: Callable[..., None], answer: bool | None, ended: Outcome
) -> None:
    deadlines: list[float] = []

    def turn(deadline: float) -> bool | None:
        deadlines.append(deadline)
        return answer

    turn_is(turn)
    began = time.monotonic()
    take_turn("poll", 3)
    assert len(deadlines) == 1
    assert began + loops.BUDGET <= deadlines[0] <= time.monotonic() + loops.BUDGET
    slot = board.slot("poll", 3)
    assert outcome(slot) is ended
    assert slot.worked_at >= began
    assert outcome(board.slot("poll", 2)) is None


def test_a_turn_that_fails_is_logged_and_ends_as_failed(
    board: Board, turn_is: Callable[..., None]
) -> None:
    def turn(_: float) -> None:
        raise ValueError("a defect")

    turn_is(turn)
    with capture_logs() as logged:
        take_turn("poll", 0)
    assert [(one["event"], one["loop"]) for one in logged] == [("loop.failed", "poll")]
    slot = board.slot("poll", 0)
    assert outcome(slot) is Outcome.FAILED
    assert slot.worked_at == 0


def test_a_database_that_is_away_is_one_line_a_minute(
    board: Board, turn_is: Callable[..., None]
) -> None:
    def turn(_: float) -> None:
        raise OperationalError("gone") from psycopg.OperationalError("gone")

    turn_is(turn)
    with capture_logs() as logged:
        for _ in range(20):
            take_turn("deliver", 0)
    assert [one["event"] for one in logged] == ["database.unavailable"]
    assert outcome(board.slot("deliver", 0)) is Outcome.FAILED


def test_an_answer_of_the_database_within_a_turn_counts_as_work(
    board: Board, turn_is: Callable[..., None]
) -> None:
    def turn(_: float) -> None:
        loops.worked()
        raise ValueError("later")

    turn_is(turn)
    take_turn("poll", 0)
    assert board.slot("poll", 0).worked_at > 0
    before = board.slot("poll", 0).worked_at
    loops.worked()  # outside a turn it is nobody's
    assert board.slot("poll", 0).worked_at == before


@pytest.mark.parametrize(
    ("setting", "hosts", "count"),
    [(None, 1, 1), (None, 3, 3), (2, 1, 2), (2, 5, 2), (None, 99, 64)],
)
def test_loops_follow_the_hosts_unless_a_setting_says_how_many(
    settings: Any, setting: int | None, hosts: int, count: int
) -> None:
    settings.POLL_LOOPS = setting
    assert Loop("poll", "a.turn", "POLL_LOOPS").count(hosts) == count
    assert Loop("refresh", "a.turn").count(hosts) == 1
