"""More than one signal to stop: timeout(1) sends two, and so does who presses Ctrl-C again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django_q import cluster as django_q_cluster
from django_q.management.commands import qcluster

from worker import cluster


class Sentinel:
    def is_alive(self) -> bool:
        return True

    def join(self) -> None:
        pass


class StopEvent:
    """Holds a lock while it is set, as multiprocessing's does; a second signal comes just then."""

    def __init__(self) -> None:
        self.times = 0
        self._held = False

    def set(self) -> None:
        assert not self._held, "the process waits for a lock that it holds itself"
        self._held = True
        self.times += 1
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        self._held = False


@pytest.fixture
def handlers_restored() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("handlers_restored")
def test_they_stop_the_worker_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qcluster, "Cluster", qcluster.Cluster)
    monkeypatch.setattr(django_q_cluster, "Sentinel", django_q_cluster.Sentinel)
    cluster.install()
    main: Any = qcluster.Cluster()
    main.sentinel, event = Sentinel(), StopEvent()
    main.stop_event = event

    signal.raise_signal(signal.SIGTERM)

    assert event.times == 1
    assert main.stop_event is None
