"""Signals to stop come at any moment and more than once: a process group's and the sentinel's,
both that timeout(1) sends, Ctrl-C pressed again."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from django_q import cluster as django_q_cluster

from worker import cluster, loops

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Started:
    """In the place of the sentinel's process, or of its event."""

    def __init__(self) -> None:
        self.told = 0

    def is_alive(self) -> bool:
        return True

    def join(self) -> None:
        assert self.told

    def set(self) -> None:
        self.told += 1


@pytest.fixture(autouse=True)
def _signals_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    handled = (*STOP_SIGNALS, signal.SIGALRM)
    before = {one: signal.getsignal(one) for one in handled}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    monkeypatch.setattr(loops, "_stop_requested", False)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for one, handler in before.items():
        signal.signal(one, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def another_at_each_step() -> Iterator[list[str]]:
    """Sends SIGTERM again before each line that is run, and fails where one waits for another."""
    steps: list[str] = []

    def at_step(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line" and len(steps) < 100:  # else each would have steps for ever
            steps.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
            signal.raise_signal(signal.SIGTERM)
        return at_step

    def give_up(*_: object) -> None:
        raise AssertionError(f"it waits for itself after {steps}")

    signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 5)
    before = sys.gettrace()
    sys.settrace(at_step)
    try:
        yield steps
    finally:
        sys.settrace(before)


def test_a_worker_takes_another_signal_in_the_middle_of_one() -> None:
    cluster.heed_sigterm()
    with another_at_each_step() as steps:
        signal.raise_signal(signal.SIGTERM)
    assert loops.stopping()
    assert any(step.startswith("stop:") for step in steps)


def test_a_worker_heeds_what_came_before_it_could(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_q_cluster.Sentinel, "start", lambda _: None)
    sentinel: Any = object.__new__(cluster.Sentinel)
    sentinel.timeout = 120
    sentinel.start()
    signal.raise_signal(signal.SIGTERM)
    assert not loops.stopping()

    cluster.heed_sigterm()

    assert loops.stopping()


def test_the_main_process_is_told_once_by_any_number() -> None:
    main: Any = cluster.Cluster()
    main.sentinel = main.stop_event = started = Started()
    for _ in range(3):
        for one in STOP_SIGNALS:
            signal.raise_signal(one)

    main.stay()

    assert started.told == 1


def test_the_main_process_heeds_what_came_before_it_had_started_anything() -> None:
    main: Any = cluster.Cluster()
    signal.raise_signal(signal.SIGTERM)
    main.sentinel = main.stop_event = started = Started()
    main.stay()
    assert started.told == 1
