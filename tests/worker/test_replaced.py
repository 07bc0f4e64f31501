"""Whatever process of a worker ends is replaced, also one that ends without a complaint."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django_q.conf import Conf

from worker import cluster
from worker.board import Board
from worker.loops import NAMES


class Process:
    """A process of django-q2's."""

    def __init__(self, exitcode: int | None = None) -> None:
        self.name = "a process"
        self.exitcode = exitcode
        self.born = time.monotonic() - 60
        self.killed = False

    def is_alive(self) -> bool:
        return self.exitcode is None and not self.killed

    def kill(self) -> None:
        self.killed = True

    def join(self) -> None:
        pass


class Timer:
    value = -1.0


@pytest.fixture
def sentinel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A sentinel whose processes are none."""
    monkeypatch.setattr(Conf, "SYNC", True)
    made: Any = object.__new__(cluster.Sentinel)
    made.board = Board(NAMES)
    made.board.keeper_looked()
    made.pool = [Process(), Process()]
    for worker in made.pool:
        worker.timer = Timer()
    made.monitor, made.pusher, made.keeper = Process(), Process(), Process()
    made.reincarnations = 0
    made.spawn_worker = lambda: made.pool.append(Process())
    made.spawn_monitor = made.spawn_pusher = lambda: Process()
    monkeypatch.setattr(cluster.Sentinel, "spawn_process", lambda *_: Process())
    return made


@pytest.mark.parametrize("code", [0, 1, 3])
@pytest.mark.parametrize("which", ["pusher", "monitor", "keeper"])
def test_a_process_that_ended_is_replaced(sentinel: Any, which: str, code: int) -> None:
    ended = getattr(sentinel, which)
    ended.exitcode = code
    sentinel._replace_ended()
    assert getattr(sentinel, which) is not ended
    assert getattr(sentinel, which).is_alive()


@pytest.mark.parametrize("code", [0, 1])
def test_a_worker_that_ended_is_replaced(sentinel: Any, code: int) -> None:
    [ended, other] = sentinel.pool
    ended.exitcode = code
    sentinel._replace_ended()
    assert len(sentinel.pool) == 2
    assert ended not in sentinel.pool
    assert other in sentinel.pool


def test_what_ended_at_once_waits_a_moment(sentinel: Any) -> None:
    ended = sentinel.pusher
    ended.exitcode, ended.born = 0, time.monotonic()
    sentinel._replace_ended()
    assert sentinel.pusher is ended


def test_a_keeper_that_waits_too_long_for_the_database_is_replaced(sentinel: Any) -> None:
    waits = sentinel.keeper
    sentinel.board._numbers[1] = time.monotonic() - cluster.STUCK_KEEPER - 1
    sentinel._replace_ended()
    assert waits.killed
    assert sentinel.keeper is not waits
    assert sentinel.keeper.is_alive()
