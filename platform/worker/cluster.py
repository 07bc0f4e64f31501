"""django-q2's cluster, stopped cleanly and mended after a kill.

Two things of django-q2 1.11 are changed here, both for the same reason: its processes share locks
that the kernel does not free when their holder is killed.

1. A SIGTERM to the whole process group (Ctrl-C under a process manager, systemd's default) killed
   the sentinel while the main process told it to stop, and that call then waited for ever. Here
   only the main process heeds SIGTERM; the sentinel passes it on to the workers, whose lines then
   end early (worker.line), and stops them in order.
2. A worker that was killed while it waited for a task kept the queue's lock for ever, and its
   fellows waited with it. Here a worker's sudden death renews the queue and all who use it. What
   was in the queue is lost, which changes nothing: a task only says "look for work".
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Any

import structlog
from django_q import cluster
from django_q.conf import Conf
from django_q.queues import Queue

from worker import line

log = structlog.get_logger()


class Sentinel(cluster.Sentinel):
    """Guards the workers; see the module."""

    pool: list[Any]
    pusher: Any

    def start(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children inherit it
        super().start()

    def stop(self) -> None:
        for process in self.pool:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)
        super().stop()

    def reincarnate(self, process: Any) -> None:
        if process in self.pool and process.exitcode is not None and process.exitcode < 0:
            log.warning("worker.killed", signal=-process.exitcode)
            self._renew()
        else:
            super().reincarnate(process)

    def _renew(self) -> None:
        for process in [*self.pool, self.pusher]:
            process.kill()
            process.join()
        self.task_queue = Queue(maxsize=Conf.QUEUE_LIMIT) if Conf.QUEUE_LIMIT else Queue()
        cluster.db.connections.close_all()
        self.pool = []
        for _ in range(self.pool_size):
            self.spawn_worker()
        self.pusher = self.spawn_pusher()
        self.reincarnations += 1


def install() -> None:
    """Makes django-q2's Cluster use the Sentinel above."""
    cluster.Sentinel = Sentinel


def end_lines_on_sigterm(**_: Any) -> None:
    """In a new worker process: SIGTERM asks the running line to end, and nothing more."""
    signal.signal(signal.SIGTERM, lambda *_: line.stop())
